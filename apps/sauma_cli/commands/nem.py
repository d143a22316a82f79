"""`sauma nem`: several signatures for one account: entrusting, filling floats, and signing beside."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.markup import escape

from sauma.errors import ChainError, InvalidInput, Refused
from sauma.units import parse_decimal
from sauma_cli.logging_setup import configure_logging
from sauma_cli.nem_authority import (
    account_on,
    cosigner_of,
    journal_judge,
    named_signer,
    public_key_of,
)
from sauma_cli.nodes import client_of
from sauma_cli.options import TIMEOUT_S_DEFAULT, Json, NetworkName, TimeoutS, Verbose
from sauma_cli.screen import Screen

if TYPE_CHECKING:
    from sauma_nem.cosigning import Cosigner, Verdict

XEM_DECIMALS = 6

Url = Annotated[str, Parameter(name="--node", help="URL of a node, such as http://127.0.0.1:7890.")]
KeysFile = Annotated[Path, Parameter(name="--keys", help="The file of keys, see `sauma keys`.")]
Name = Annotated[str, Parameter(name="--name", help="Whose key of the file signs.")]
Network = Annotated[NetworkName, Parameter(help="Which network it is.")]
Once = Annotated[bool, Parameter(negative="", help="Look once, and do not go on until Ctrl-C.")]
PollS = Annotated[float, Parameter(name="--poll", help="Seconds between two looks.")]
Record = Annotated[
    Path, Parameter(name="--record", help="Where is written what was signed; keep it with the key.")
]


def delegate(
    *,
    node: Url,
    keys: KeysFile,
    name: Name,
    cosigner: Annotated[list[str], Parameter(help="A cosigner's public key; repeat for each.")],
    needed: Annotated[int, Parameter(help="How many of them must sign.")] = 1,
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Let others sign for an account, which from then on signs nothing itself, for ever.

    Call it again after a block to see that it is done.
    """
    from sauma_nem.multisig import make_multisig

    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    signer, network = named_signer(keys, name)
    public_keys = [public_key_of(each) for each in cosigner]
    with client_of(node, timeout_s) as client:
        client.check(network)
        state = make_multisig(client, network, signer, cosigners=public_keys, needed=needed)
    if state.is_done:
        screen.show(f"[bold green]✓[/] {needed} of {len(public_keys)} sign for {signer.account}")
    else:
        screen.show("announced; run the same command again after the next block")
    transaction = None if state.transaction_id is None else state.transaction_id.hex()
    screen.finish(
        {"account": str(signer.account), "done": state.is_done, "transaction": transaction}
    )
    return 0


def treasury(
    *,
    node: Url,
    keys: KeysFile,
    name: Name,
    treasury: Annotated[str, Parameter(help="The treasury's public key.")],
    float_: Annotated[
        list[str], Parameter(name="--float", help="An account to keep filled; repeat for each.")
    ],
    floor: Annotated[str, Parameter(help="Fill up who has less than so many XEM.")],
    amount: Annotated[str, Parameter(help="How many XEM a top-up is.")],
    cosign: Annotated[
        bool, Parameter(negative="", help="Sign what another treasurer proposed by the same terms.")
    ] = False,
    record: Record = Path("signed.jsonl"),
    once: Once = False,
    poll_s: PollS = 60.0,
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Propose top-ups for floats that are low, as one of a treasury's cosigners; or sign them."""
    from sauma_nem.delegation import Delegate
    from sauma_nem.judging import TopUpJudge
    from sauma_nem.treasury import PERIOD_S, Treasury

    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    signer, network = named_signer(keys, name)
    public_key = public_key_of(treasury)
    account = account_on(public_key, network)
    floats = [account_on(each, network) for each in float_]
    floor_micro = parse_decimal(floor, XEM_DECIMALS, "--floor")
    amount_micro = parse_decimal(amount, XEM_DECIMALS, "--amount")
    with client_of(node, timeout_s) as client:
        if cosign:
            judge = TopUpJudge(
                floats=floats,
                floor_micro=floor_micro,
                amount_micro=amount_micro,
                period_s=PERIOD_S,
                balance_micro=lambda address: client.account(address).balance_micro,
            )
            cosigner = cosigner_of(client, network, account, signer, judge, record)
            return _cosign(cosigner, screen, once=once, poll_s=poll_s)
        proposing = Treasury(
            client,
            network,
            Delegate(account, public_key, signer),
            floats=floats,
            floor_micro=floor_micro,
            amount_micro=amount_micro,
        )

        def look() -> tuple[list[dict[str, Any]], int]:
            proposed = proposing.step()
            for each in proposed:
                screen.show(f"proposed {each.amount_micro} micro XEM to {each.account}")
            return [
                {"account": str(each.account), "transaction": each.transaction_id.hex()}
                for each in proposed
            ], 0

        return _go_on(look, screen, "proposed", once=once, poll_s=poll_s)


def cosign(
    store: Annotated[
        Path, Parameter(name="STORE", help="The operator's store.sqlite, or a copy of it.")
    ],
    /,
    *,
    node: Url,
    keys: KeysFile,
    name: Name,
    rulebook: Annotated[
        list[Path], Parameter(help="A rulebook that was agreed to (TOML); repeat for each.")
    ],
    account: Annotated[
        str | None, Parameter(help="The multisig account; the issuing one unless named.")
    ] = None,
    record: Record = Path("signed.jsonl"),
    once: Once = False,
    poll_s: PollS = 10.0,
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Sign what the journal justifies, and refuse by name what it does not.

    The journal is replayed before anything of it is believed.  Exit code 1 if anything was refused.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    signer, network = named_signer(keys, name)
    with ExitStack() as stack:
        client = stack.enter_context(client_of(node, timeout_s))
        judge, settings = journal_judge(stack, client, store, rulebook)
        multisig = settings.issuer if account is None else account_on(account, network)
        cosigner = cosigner_of(client, network, multisig, signer, judge, record, settings)
        return _cosign(cosigner, screen, once=once, poll_s=poll_s)


def _cosign(cosigner: Cosigner, screen: Screen, *, once: bool, poll_s: float) -> int:
    seen: set[tuple[bytes, str]] = set()

    def look() -> tuple[list[dict[str, Any]], int]:
        verdicts = cosigner.step()
        for each in verdicts:
            key = (each.inner_hash, each.reason)
            if key not in seen:
                seen.add(key)
                screen.show(_shown(each))
        return [_facts(each) for each in verdicts], int(
            any(not each.is_signed for each in verdicts)
        )

    return _go_on(look, screen, "verdicts", once=once, poll_s=poll_s)


def _go_on(
    look: Callable[[], tuple[list[dict[str, Any]], int]],
    screen: Screen,
    what: str,
    *,
    once: bool,
    poll_s: float,
) -> int:
    """Look once and give the result, or look until Ctrl-C; what a node cannot do now it may later."""
    if once:
        found, code = look()
        screen.finish({what: found})
        return code
    if screen.as_json:
        raise InvalidInput("one JSON document is of one look: give --once with --json")
    while True:
        try:
            look()
        except (ChainError, Refused) as error:
            screen.show(f"[bold yellow]waiting[/] {escape(str(error))}")
        time.sleep(poll_s)


def _shown(verdict: Verdict) -> str:
    if verdict.objection is None:
        return f"[bold green]✓[/] signed {verdict.inner_hash.hex()}"
    return (
        f"[bold red]✗[/] refused {verdict.inner_hash.hex()}: {verdict.objection.value}, "
        f"{escape(verdict.reason)}"
    )


def _facts(verdict: Verdict) -> dict[str, Any]:
    return {
        "inner_hash": verdict.inner_hash.hex(),
        "reference": None if verdict.reference is None else verdict.reference.hex(),
        "signed": verdict.is_signed,
        "objection": None if verdict.objection is None else verdict.objection.value,
        "reason": verdict.reason,
    }
