"""Operating sauma: the configuration file, health and metrics over HTTP, and clocks that run faster.

The service itself is `sauma.service.Service`; this package is what a host puts around it.
"""

from sauma_service.clocks import AcceleratedClock
from sauma_service.configuration import Configuration, read_configuration

__all__ = ["AcceleratedClock", "Configuration", "read_configuration"]
