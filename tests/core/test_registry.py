"""Finding chains, codecs and mechanisms by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from sauma import registry
from sauma.errors import UnknownName
from sauma.memory import MemoryChain
from sauma.registry import CHAINS, CODECS, MECHANISMS, available, load


def points(*pairs: tuple[str, str]):
    return lambda group: [EntryPoint(name, value, group) for name, value in pairs]


def test_what_is_installed_is_found():
    """Built-in chains and mechanisms are found by the names that rulebooks and folders use."""
    assert load(CHAINS, "memory") is MemoryChain
    assert "memory" in available(CODECS)
    assert {"equal_shares", "uniform_price"} <= set(available(MECHANISMS))


def test_an_unknown_name_lists_the_known():
    """Whoever mistypes sees what there is."""
    with pytest.raises(UnknownName, match=r"knows no 'memroy': installed are .*memory"):
        load(CHAINS, "memroy")


def test_a_missing_extra_is_named(monkeypatch):
    """A chain whose library is not installed says what to install."""
    monkeypatch.setattr(registry, "entry_points", points(("nem", "no_such_module:Chain")))

    with pytest.raises(UnknownName, match=r"pip install 'sauma\[nem\]'"):
        load(CHAINS, "nem")


def test_a_broken_plugin_shows_its_own_error(monkeypatch):
    """Of a third party's package nobody knows an extra: its error is not hidden."""
    monkeypatch.setattr(registry, "entry_points", points(("own", "no_such_module:Chain")))

    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        load(CHAINS, "own")


def test_one_name_for_two_things_is_refused(monkeypatch):
    """Which of two packages is meant is not guessed; the same one found twice is one."""
    twice = ("memory", "sauma.memory:MemoryChain")
    monkeypatch.setattr(registry, "entry_points", points(twice, twice))
    assert load(CHAINS, "memory") is MemoryChain

    monkeypatch.setattr(registry, "entry_points", points(twice, ("memory", "other:Chain")))
    with pytest.raises(UnknownName, match=r"several 'memory': other:Chain, sauma\.memory"):
        load(CHAINS, "memory")
