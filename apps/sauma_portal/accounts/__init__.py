"""People and what is personal: accounts, sessions, tokens, letters and the trail of staff actions.

It lies beside the journal, in a database of its own, so that it can be erased: the journal knows a
participant by a pseudonym and nothing else.
"""

from sauma_portal.accounts.database import AccountStore
from sauma_portal.accounts.people import Person, Role

__all__ = ["AccountStore", "Person", "Role"]
