"""The committed artefacts are what a chain runs."""

import pytest

from sauma.errors import InvalidInput
from sauma_ethereum.artifacts import ARTIFACTS, load_artifact

CODE_BYTES_MAX = 24_576


@pytest.mark.parametrize("name", ARTIFACTS)
def test_artifact_fits_a_block(name):
    """No contract is larger than EIP-170 allows."""
    assert 0 < len(load_artifact(name).deployed_bytecode) <= CODE_BYTES_MAX


def test_deployed_code_matches_its_artifact(local):
    """What the chain runs is the artefact's code, whatever its constructor was given."""
    for name, contract in (("SaumaLedger", local.ledger), ("SaumaEscrow", local.escrow)):
        artifact = load_artifact(name)

        code = bytes.fromhex(local.tester.get_code(contract.address)[2:])

        assert code != artifact.deployed_bytecode
        assert artifact.matches(code)


@pytest.mark.parametrize("position", [0, 5_000, -1])
def test_changed_code_does_not_match(local, position):
    """One changed byte anywhere is noticed."""
    code = bytearray.fromhex(local.tester.get_code(local.ledger.address)[2:])
    code[position] ^= 1

    assert not load_artifact("SaumaLedger").matches(bytes(code))
    assert not load_artifact("SaumaLedger").matches(bytes(code[:-1]))


def test_unknown_artifact_is_refused():
    """A name that is not shipped is the caller's mistake, and the names are told."""
    with pytest.raises(InvalidInput, match="SaumaEscrow, SaumaLedger, TestMoney"):
        load_artifact("Wallet")
