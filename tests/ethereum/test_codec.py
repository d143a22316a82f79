"""The pure half: fixed vectors, and what an auditor's codec refuses."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Batch, BatchKind, Leg, Net, batch_reference
from sauma.errors import InvalidInput, Unsupported, WrongNetwork
from sauma.identifiers import AccountId, ChainId, content_id
from sauma_ethereum import EthereumCodec, EthereumSettings, EthereumSigner, FinalityRule, ledger
from sauma_ethereum.building import Builder
from sauma_ethereum.caip import account_of
from sauma_ethereum.chain import EthereumChain
from sauma_ethereum.fees import Fees
from sauma_ethereum.instructions import check_roles, draft_of
from sauma_ethereum.settings import capabilities_of

CHAIN = ChainId("eip155:1")
ISSUER = EthereumSigner(b"\x11" * 32, CHAIN)
SETTLER = EthereumSigner(b"\x22" * 32, CHAIN)
ANNA, BERT = (account_of(bytes((number,)) * 20, CHAIN) for number in (0xAA, 0xBB))
SETTINGS = EthereumSettings(
    chain=CHAIN,
    ledger="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    code_hash="ab" * 32,
    escrow="0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    escrow_hash="cd" * 32,
    area=3,
    issuer=ISSUER.account,
    settler=SETTLER.account,
)
CODEC = EthereumCodec.from_settings(SETTINGS.to_facts())
BUILDER = Builder(SETTINGS)
FEES = Fees(fee_wei_max=3 * 10**9, priority_fee_wei=10**9)
NUMBERS = {bytes((0xAA,)) * 20: 7, bytes((0xBB,)) * 20: 5}
BATCH_ID = content_id("vector", 1)

VECTOR_ID = "17876cdcaf0e61f9061cde7d870c80609df5559b36654a369952d975222e4226"
VECTOR_RAW = (
    "02f901d10180843b9aca0084b2d05e008301e6f8945aaeb6053f3e94c9b9a09f33669435e7ef1beaed80b901"
    "6421cf60720000000000000000000000000000000000000000000000000000000000000003fe534155010162"
    "26eef31184b899bed89d11a7d45cf7e4872d8225867503000000000000000000000000000000000000000000"
    "0000000000ffffffffffffffff00000000000000000000000000000000000000000000000000000000000000"
    "a000000000000000000000000000000000000000000000000000000000000001000000000000000000000000"
    "00000000000000000000000000000000000000002c0300000200000005000000000000003c00000000000000"
    "0000000007800000000000003c00000000000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000000002901bbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    "bbbbbbbbbbbbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000000000000000000000000000000000"
    "0000000000c080a0db5a54653495af9670c145dff7694b3fa9df426294816d81b365b5f800960b1aa050f3c2"
    "92e13cb48d8ed061fad7a8369d3894fae6c529170852259d4834e370a9"
)


def net(*legs: tuple[AccountId, int]) -> Net:
    return Net(
        instruction_id=bytes(32),
        authority=SETTLER.account,
        evidence=b"",
        legs=tuple(
            Leg(account=account, asset=SETTINGS.energy_asset, delta_units=delta)
            for account, delta in legs
        ),
    )


def netted(nonce: int = 0, signer: EthereumSigner = SETTLER):
    batch = Batch(
        batch_id=BATCH_ID,
        kind=BatchKind.SETTLEMENT,
        instructions=(net((ANNA, -60), (BERT, 60)),),
    )
    draft = draft_of(batch, SETTINGS)
    built = BUILDER.of_draft(draft, nonce, FEES, NUMBERS)
    return built.transaction, BUILDER.signed(built, signer, batch_ids=(BATCH_ID,), prepared_at=9)


def test_vector():
    """The bytes of a netted batch are these and no others: on disk they must mean the same for ever."""
    _, signed = netted()

    assert signed.raw.hex() == VECTOR_RAW
    assert signed.transaction_id.hex() == VECTOR_ID
    assert signed.consumes == (f"nonce:{SETTLER.account}:0".encode(),)


def test_decoding_says_everything():
    """Sender, reference, effects by account, fee and validity come from the bytes alone."""
    unsigned, signed = netted()
    decoded = CODEC.decode(bytes.fromhex(VECTOR_RAW))

    assert decoded.sender == decoded.fee_payer == SETTLER.account
    assert decoded.reference == batch_reference(BATCH_ID, BatchKind.SETTLEMENT)
    assert [(each.account, each.asset, each.delta_units) for each in decoded.effects] == [
        (BERT, SETTINGS.energy_asset, 60),
        (ANNA, SETTINGS.energy_asset, -60),
    ]
    assert decoded.fee_units_max == unsigned.gas_max * FEES.fee_wei_max
    assert decoded.valid_until is None
    assert decoded.signature_valid
    assert signed.effects == decoded.effects


def test_who_has_no_role_is_not_valid():
    """Bytes that are signed by somebody whom the contract does not let are not validly signed."""
    unsigned, _ = netted()
    forged = attrs.evolve(unsigned, signature=ISSUER.sign(unsigned.payload())).raw()

    assert not CODEC.decode(forged).signature_valid


@pytest.mark.parametrize(
    "changes",
    [
        {"chain": ChainId("eip155:5")},
        {"area": 4},
        {"ledger": "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"},
    ],
)
def test_other_settings_refuse_the_bytes(changes):
    """Bytes for another chain, area or contract are no batch of ours."""
    if "chain" in changes:
        changes = {
            **changes,
            "issuer": EthereumSigner(b"\x11" * 32, changes["chain"]).account,
            "settler": EthereumSigner(b"\x22" * 32, changes["chain"]).account,
        }
    codec = EthereumCodec(attrs.evolve(SETTINGS, **changes))

    with pytest.raises(InvalidInput):
        codec.decode(bytes.fromhex(VECTOR_RAW))


def test_owners_must_be_complete():
    """A call that does not name the owner of each account cannot be audited, so it is refused."""
    unsigned, _ = netted()
    settle = ledger.parse_settle(unsigned.data)
    short = attrs.evolve(settle, owners=settle.owners[:1])
    data = attrs.evolve(unsigned, data=short.calldata())
    raw = attrs.evolve(data, signature=SETTLER.sign(data.payload())).raw()

    with pytest.raises(InvalidInput, match="name the owner"):
        CODEC.decode(raw)


def test_a_creation_is_no_batch():
    """Other transactions of the same sender are refused by what they are."""
    unsigned, _ = netted()
    for changes, reason in (
        ({"to": None}, "creates a contract"),
        ({"to": bytes(20)}, "calls eip155:1:0x0000"),
        ({"value_wei": 1}, "takes none"),
    ):
        other = attrs.evolve(unsigned, **changes)
        raw = attrs.evolve(other, signature=SETTLER.sign(other.payload())).raw()
        with pytest.raises(InvalidInput, match=reason):
            CODEC.decode(raw)


def test_settings_are_facts():
    """Settings survive the journal, and refuse what cannot be."""
    settings = attrs.evolve(SETTINGS, finality=FinalityRule.DEPTH, finality_blocks=1)

    assert EthereumSettings.from_facts(settings.to_facts()) == settings
    assert capabilities_of(settings).finality.value == "instant"
    for name, value in (
        ("area", 0),
        ("ledger", settings.ledger.lower()),
        ("code_hash", "AB" * 32),
        ("finality", "soon"),
        ("issuer", "eip155:5:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        ("outstanding_max", True),
        ("colour", 1),
    ):
        with pytest.raises((InvalidInput, WrongNetwork)):
            EthereumSettings.from_facts({**settings.to_facts(), name: value})
    with pytest.raises(InvalidInput):
        EthereumSettings.from_facts({"chain": "eip155:1"})


def test_legs_are_merged_and_ordered():
    """Legs of one account become one line, and lines stand in the order of the accounts' numbers."""
    batch = Batch(
        batch_id=BATCH_ID,
        kind=BatchKind.SETTLEMENT,
        instructions=(net((ANNA, -60), (BERT, 50), (ANNA, -5), (BERT, 15)),),
    )
    draft = draft_of(batch, SETTINGS)

    unsigned = BUILDER.of_draft(draft, 0, FEES, NUMBERS).transaction

    assert ledger.parse_settle(unsigned.data).operations.hex() == (
        "0300000200000005000000000000004100000000000000000000000780000000000000410000000000000000"
    )


def test_legs_that_cancel_out_move_nothing():
    """A net that leaves nobody anywhere else is refused, not sent."""
    batch = Batch(
        batch_id=BATCH_ID, kind=BatchKind.SETTLEMENT, instructions=(net((ANNA, -5), (ANNA, 5)),)
    )

    with pytest.raises(InvalidInput, match="cancel out"):
        draft_of(batch, SETTINGS)


def test_roles_are_checked_without_a_chain():
    """Who may ask for what is known from the settings."""
    wrong = attrs.evolve(net((ANNA, -5), (BERT, 5)), authority=ISSUER.account)
    batch = Batch(batch_id=BATCH_ID, kind=BatchKind.SETTLEMENT, instructions=(wrong,))

    with pytest.raises(Unsupported, match="may not net in area 3"):
        check_roles(draft_of(batch, SETTINGS), SETTINGS)


def test_a_chain_takes_only_fitting_signers():
    """A signer under another name, or of another chain, is refused when the chain is made."""
    elsewhere = EthereumSigner(b"\x11" * 32, ChainId("eip155:5"))
    chain = EthereumChain.from_settings(SETTINGS.to_facts(), urls=["http://127.0.0.1:9"])
    node = chain.nodes[0]

    with pytest.raises(InvalidInput, match="signs for"):
        EthereumChain(SETTINGS, node, {ISSUER.account: SETTLER})
    with pytest.raises(WrongNetwork):
        EthereumChain(SETTINGS, node, {elsewhere.account: elsewhere})
