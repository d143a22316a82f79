"""Faults 49 to 51: the key is gone, the signer does not answer, it never gives the same twice.

Whatever the fault, `finish` demands the end of an undisturbed run: nothing paid twice, nothing lost,
nothing booked that is not paid, the same balances and bills.
"""

from __future__ import annotations

from collections import Counter

import pytest
from signers import RestlessSigner, SlowSigner, as_it_is

from sauma.testing.simulation import Fault
from sauma.testing.simulation.moments import BEFORE_BROADCAST, BEFORE_COMMIT


def change_signers(stage, sign_with):
    """Have the next process sign with something else."""
    stage.one.end()
    stage.world.sign_with = sign_with


def test_49_the_key_is_taken_away(stage):
    """What was signed with it and not sent lands; what was not signed is held by name until a key is back."""
    stage.one.line.always = Fault.REQUEST_LOST
    stage.step()
    stage.one.line.always = None
    signed = set(stage.sent_ids())
    change_signers(stage, lambda _: None)
    for _ in range(3):
        stage.round()
    progress = stage.one.engine.step()
    assert set(stage.sent_ids()) == signed
    assert progress.held
    assert all("sign" in one.reason for one in progress.held)
    assert not [one for one in stage.committed() if one.transaction_id not in signed]
    change_signers(stage, as_it_is)

    stage.finish()


def test_50_the_signer_answers_too_late(stage):
    """What it signed and did not give is nowhere; it is asked again, and everything is paid once."""
    asked = Counter()
    change_signers(stage, lambda signer: SlowSigner(signer, asked))

    stage.finish()
    assert asked["lost"] >= 3


@pytest.mark.parametrize(("moment", "number"), [(BEFORE_COMMIT, 3), (BEFORE_BROADCAST, 1)])
def test_51_the_signer_never_gives_the_same_twice(stage, moment, number):
    """The bytes that are stored win: they alone are sent, whatever the signer would give now."""
    given: list[bytes] = []
    change_signers(stage, lambda signer: RestlessSigner(signer, given))
    stage.one.line.moments.will_die(number, at=moment)
    stage.step()
    assert stage.one.deaths == 1

    stage.finish()
    assert len(set(given)) == len(given)
    assert len(stage.sent_ids()) == len(stage.rehearsal.references)
