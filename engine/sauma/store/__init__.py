"""The store: the journal and its projections in SQLite or PostgreSQL, beside erasable personal data.

Importing this package loads SQLAlchemy; `import sauma` does not.
"""

from sauma.store.cursors import StoredCursor
from sauma.store.folder import Finding, check_folder, seal_folder, unseal_folder
from sauma.store.lanes import Lane
from sauma.store.projecting import Projector
from sauma.store.store import JournalSummary, Store
from sauma.store.transaction import Transaction
from sauma.store.vault import VaultItem, salted_digest

__all__ = [
    "Finding",
    "JournalSummary",
    "Lane",
    "Projector",
    "Store",
    "StoredCursor",
    "Transaction",
    "VaultItem",
    "check_folder",
    "salted_digest",
    "seal_folder",
    "unseal_folder",
]
