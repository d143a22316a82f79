"""The service: an `Engine` and a clock, which settle by themselves for as long as the process lives.

::

    with Engine.open("street.sqlite", venue) as engine:
        Service(engine).run(stop)          # until the event `stop` is set

`Service.round` does what is due now and says when to come again; `run` repeats it.  Everything that
matters is in the store, so the process may be killed at any moment and started again.
"""

from sauma.service.backoff import Backoff, Trouble
from sauma.service.condition import Condition, Readiness, read_condition
from sauma.service.service import Round, Service
from sauma.service.settings import WAIT_MAX, ServiceSettings

__all__ = [
    "WAIT_MAX",
    "Backoff",
    "Condition",
    "Readiness",
    "Round",
    "Service",
    "ServiceSettings",
    "Trouble",
    "read_condition",
]
