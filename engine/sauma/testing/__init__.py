"""What tests of sauma, and of anything built on it, need: public, for third parties too."""

from sauma.testing.clock import ManualClock

__all__ = ["ManualClock"]
