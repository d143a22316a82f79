"""Matching: pure functions from a book to a clearing.

A mechanism has a name and a version; a rulebook names both.
"""

from sauma.matching.book import Book
from sauma.matching.clearing import Clearing, Mechanism, Trade
from sauma.matching.registry import mechanism, mechanism_names

__all__ = ["Book", "Clearing", "Mechanism", "Trade", "mechanism", "mechanism_names"]
