"""Namespace, mosaic and keys: brought into being once, whatever happens in between."""

from __future__ import annotations

import json
import secrets

import pytest

from sauma.chain import Signer
from sauma.errors import (
    Conflict,
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    StoreBusy,
    UnknownName,
    WrongNetwork,
)
from sauma_nem import (
    KeyFile,
    MosaicMismatch,
    NamespaceTaken,
    NemSigner,
    NodeClient,
    SetupStep,
    account_of,
    provision,
)
from sauma_nem.network import MAINNET, MIJIN, TESTNET
from sauma_nem.setup import cost_micro
from sauma_nem.testnode import NodeServer, TestNode

from .street import ISSUER, SETTINGS, STRANGER, XEM_MICRO, key_of, settings_of


@pytest.fixture
def node():
    """A node on which two accounts have 200 XEM each."""
    accounts = {each.account.address: 200 * XEM_MICRO for each in (ISSUER, STRANGER)}
    with TestNode.create(accounts) as made:
        yield made


@pytest.fixture
def client(node):
    """A client of that node."""
    with NodeServer(node) as server, NodeClient(server.url) as made:
        yield made


def set_up(node, client, settings=SETTINGS, signer=ISSUER):
    """Provision to the end; the states on the way."""
    states = [provision(client, settings, signer)]
    while not states[-1].is_ready:
        node.mine()
        states.append(provision(client, settings, signer))
    return states


def test_setting_up_takes_two_blocks_and_what_was_said(node, client):
    """Namespace, then mosaic, then ready; the price is the one told before."""
    states = set_up(node, client)

    assert [state.step for state in states] == [
        SetupStep.NAMESPACE,
        SetupStep.MOSAIC,
        SetupStep.READY,
    ]
    assert node.mosaic_units(ISSUER.account.address, "grid:wh") == SETTINGS.supply_units
    assert 200 * XEM_MICRO - node.balance_micro(ISSUER.account.address) == cost_micro(SETTINGS)
    assert cost_micro(SETTINGS) == 110_300_000
    assert states[-1].namespace_expires_at_height == 2 + 525_600


def test_repeating_a_step_pays_nothing_twice(node, client):
    """A step that waits in the pool is not announced again."""
    first = provision(client, SETTINGS, ISSUER)
    again = provision(client, SETTINGS, ISSUER)

    assert (first.announced, again.announced) == (True, False)
    assert first.transaction_id == again.transaction_id
    assert len(node.waiting()) == 1


def test_two_processes_pay_once(node, client):
    """Another process that announces the same step at another second is told to wait too."""
    provision(client, SETTINGS, ISSUER)

    class Blind(NodeClient):
        """Sees an empty pool the first time, as through a node that has not heard of it yet."""

        looked = 0

        def unconfirmed(self, address):
            self.looked += 1
            return () if self.looked == 1 else super().unconfirmed(address)

    node.advance(7)
    with Blind(client.url) as other:
        state = provision(other, SETTINGS, ISSUER)

    assert (state.step, state.announced) == (SetupStep.NAMESPACE, False)
    assert len(node.waiting()) == 1


def test_ready_stays_ready(node, client):
    """Provisioning what is there changes nothing."""
    set_up(node, client)

    assert provision(client, SETTINGS, ISSUER).is_ready
    assert node.waiting() == ()


def test_levels_below_the_root_are_rented_in_turn(node, client):
    """A mosaic in a sub-namespace brings its parents first."""
    settings = settings_of(mosaic="grid.street:wh", supply_units=10_000)
    waits_for = [state.waits_for for state in set_up(node, client, settings)]

    assert waits_for == ["grid", "grid.street", "grid.street:wh", None]
    assert cost_micro(settings) == 120_450_000


def test_a_rollback_is_made_good(node, client):
    """What a reorganisation undid waits again, and is not paid a second time."""
    set_up(node, client)
    node.rollback(2)

    assert provision(client, SETTINGS, ISSUER).step is SetupStep.NAMESPACE
    assert set_up(node, client)[-1].is_ready
    assert 200 * XEM_MICRO - node.balance_micro(ISSUER.account.address) == cost_micro(SETTINGS)


def test_a_namespace_of_somebody_else_is_named(node, client):
    """Nothing is announced when the namespace belongs to another account."""
    theirs = settings_of(issuer=STRANGER.account)
    set_up(node, client, theirs, STRANGER)

    with pytest.raises(NamespaceTaken, match=STRANGER.account.address):
        provision(client, SETTINGS, ISSUER)
    assert node.waiting() == ()


def test_a_mosaic_of_another_supply_is_named(node, client):
    """The mosaic must be the one that the settings describe."""
    set_up(node, client, settings_of(supply_units=15_000))

    with pytest.raises(MosaicMismatch, match="supply 15000"):
        provision(client, SETTINGS, ISSUER)


def test_missing_money_is_told_before_anything_is_paid():
    """The whole price is looked at first; the message says how much is missing and where to send it."""
    poor = {ISSUER.account.address: 105 * XEM_MICRO}
    with (
        TestNode.create(poor) as node,
        NodeServer(node) as server,
        NodeClient(server.url) as client,
    ):
        with pytest.raises(InsufficientBalance) as refused:
            provision(client, SETTINGS, ISSUER)

        assert node.waiting() == ()
    assert "110.300000 XEM" in str(refused.value)
    assert "5.300000 XEM" in str(refused.value)
    assert ISSUER.account.address in str(refused.value)


def test_only_the_issuer_sets_up(client):
    """Another account's signer is refused."""
    with pytest.raises(NoSigner, match=STRANGER.account.address):
        provision(client, SETTINGS, STRANGER)


def test_setting_up_on_another_network_is_refused(client):
    """The node is looked at before anything is sent."""
    settings = settings_of(network="mainnet", issuer=account_of(ISSUER.public_key, MAINNET))
    signer = NemSigner.from_private_key(key_of("issuer"), MAINNET)

    with pytest.raises(WrongNetwork, match="mainnet"):
        provision(client, settings, signer)


def test_a_signer_shows_its_account_only():
    """Neither repr nor str nor attributes of a signer show the key."""
    signer = NemSigner.from_private_key(key_of("issuer"), TESTNET)

    assert isinstance(signer, Signer)
    assert repr(signer) == f"NemSigner({ISSUER.account})"
    assert signer.sign(b"x") == signer.sign(b"x")
    with pytest.raises(TypeError):
        json.dumps(signer)


def test_key_files_keep_keys_to_themselves(tmp_path):
    """Only the owner may read the file, it says that it is not encrypted, and repr shows no key."""
    path = tmp_path / "keys.json"
    keys = KeyFile.create(path, "testnet")
    signer = keys.generate("producer", secrets.token_bytes)
    stored = json.loads(path.read_text())

    assert path.stat().st_mode & 0o777 == 0o600
    assert "not encrypted" in stored["notice"]
    assert stored["keys"]["producer"] not in repr(keys) + repr(signer)
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("network", [TESTNET, MAINNET, MIJIN])
def test_key_files_are_read_back(tmp_path, network):
    """The same names lead to the same accounts of the network."""
    made = KeyFile.create(tmp_path / "keys.json", network.name)
    made.add("producer", key_of("producer"))
    made.generate("buyer", lambda count: bytes(range(count)))

    read = KeyFile.load(tmp_path / "keys.json")

    assert read.names == ("buyer", "producer")
    assert read.account("producer") == account_of(
        NemSigner.from_private_key(key_of("producer"), network).public_key, network
    )
    assert set(read.signers()) == {read.account("buyer"), read.account("producer")}


def test_a_key_is_never_overwritten(tmp_path):
    """A holder's key stays; the same key again changes nothing."""
    keys = KeyFile.create(tmp_path / "keys.json", "testnet")
    keys.add("producer", key_of("producer"))
    keys.add("producer", key_of("producer"))

    with pytest.raises(Conflict, match="producer"):
        keys.generate("producer", secrets.token_bytes)
    with pytest.raises(Conflict, match="exists"):
        KeyFile.create(tmp_path / "keys.json", "testnet")
    assert KeyFile.load(tmp_path / "keys.json").account("producer") == (
        NemSigner.from_private_key(key_of("producer"), TESTNET).account
    )


def test_two_writers_do_not_lose_keys(tmp_path):
    """Who writes later keeps what another wrote meanwhile; who writes at the same time is told."""
    mine = KeyFile.create(tmp_path / "keys.json", "testnet")
    KeyFile.load(tmp_path / "keys.json").add("buyer", key_of("buyer"))
    mine.add("producer", key_of("producer"))
    (tmp_path / "keys.json.new").touch()

    with pytest.raises(StoreBusy, match="another process"):
        mine.add("other", key_of("other"))
    assert KeyFile.load(tmp_path / "keys.json").names == ("buyer", "producer")


def test_a_file_that_others_may_read_is_refused(tmp_path):
    """The remedy is in the message."""
    path = tmp_path / "keys.json"
    KeyFile.create(path, "testnet")
    path.chmod(0o644)

    with pytest.raises(InvalidInput, match="chmod 600"):
        KeyFile.load(path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "other"}', '{"keys": {"a": 1}}'])
def test_a_damaged_key_file_is_named(tmp_path, content):
    """A file that is no key file is the caller's to restore."""
    path = tmp_path / "keys.json"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(InvalidInput, match="no key file"):
        KeyFile.load(path)


def test_missing_files_and_names_are_told(tmp_path):
    """An unknown holder and an absent file have names."""
    keys = KeyFile.create(tmp_path / "keys.json", "testnet")

    with pytest.raises(UnknownName, match="nobody"):
        keys.signer("nobody")
    with pytest.raises(UnknownName, match="no key file"):
        KeyFile.load(tmp_path / "absent.json")
    with pytest.raises(InvalidInput, match="32 bytes"):
        keys.generate("short", lambda _: b"short")
