"""Bringing the settlement contracts into being, and checking that what stands on a chain is them.

A deployment is signed once, whole, and can then be sent again and again until everything is included:
the ledger and its escrow, each with the other's address in its code, an area with its roles, and what
accepts them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from sauma.chain import Signer
from sauma.errors import BadAnswer, InvalidInput, Refused
from sauma.identifiers import AccountId, ChainId

from . import rlp
from .artifacts import load_artifact
from .caip import (
    ENERGY,
    MONEY,
    account_of,
    address_on,
    chain_id_of,
    checksummed,
    ledger_asset,
    parse_address,
)
from .fees import Fees, suggested
from .gas import CREATION, INTRINSIC, calldata_gas
from .hexadecimal import ADDRESS_BYTES
from .ledger import (
    ACCEPT_ISSUER,
    ACCEPT_SETTLER,
    AREA_STATE,
    CONTRACT,
    ESCROW,
    ESCROW_CONTRACT,
    ESCROW_ENERGY,
    ESCROW_LEDGER,
    ESCROW_MONEY,
    OPEN_AREA,
    answer,
    call,
    encode,
)
from .node import NodeClient
from .reading import AREA_STATE_TYPES
from .settings import FEE_CEILING_WEI, GAS_MAX, EthereumSettings
from .signing import keccak
from .transactions import FeeTransaction
from .transport import ErrorReply

FIRST_AREA: Final = 1
"""A new contract's first area; the deployer's, unless somebody was quicker by a transaction."""
WITHDRAWAL_DELAY_SECONDS: Final = 86_400
OPEN_AREA_GAS: Final = 300_000
ACCEPT_GAS: Final = 120_000
WORD_BYTES: Final = 32


@attrs.frozen(kw_only=True)
class Step:
    """One signed transaction of a deployment, and what it is for.

    It is sent when every step of an earlier wave is included: a call of a contract that is not there
    yet would succeed, and do nothing.
    """

    name: str
    wave: int
    transaction_id: bytes
    raw: bytes


@attrs.frozen(kw_only=True)
class Deployment:
    """A contract that is on its way, or there: its address is known before it is sent."""

    chain: ChainId
    ledger: str
    escrow: str
    area: int
    issuer: AccountId
    settler: AccountId
    steps: tuple[Step, ...]

    def push(self, node: NodeClient) -> tuple[str, ...]:
        """Send what is not included yet, in order, and return the names of it; none: all is done.

        May be repeated at any time.  Raises `Refused` when a step was included and failed.
        """
        receipts = node.receipts([step.transaction_id for step in self.steps])
        left = []
        for step, receipt in zip(self.steps, receipts, strict=True):
            if receipt is None:
                left.append(step)
            elif not receipt.succeeded:
                raise Refused(
                    f"{step.name} failed in block {receipt.height}: look at transaction "
                    f"{step.transaction_id.hex()}, and deploy anew"
                )
        for step in left:
            if step.wave == left[0].wave:
                node.send_raw(step.raw)
        return tuple(step.name for step in left)

    def settings(self, node: NodeClient, **options: Any) -> EthereumSettings:
        """Return the settings for what was deployed; `options` are further fields of them.

        Raises `BadAnswer` unless the contract stands there and its roles are filled.
        """
        first_receipt = node.receipts([self.steps[0].transaction_id])[0]
        facts: dict[str, Any] = {
            "first_height": 1 if first_receipt is None else max(1, first_receipt.height),
            **options,
        }
        settings = EthereumSettings(
            chain=self.chain,
            ledger=self.ledger,
            code_hash=keccak(node.code(parse_address(self.ledger))).hex(),
            escrow=self.escrow,
            escrow_hash=keccak(node.code(parse_address(self.escrow))).hex(),
            area=self.area,
            issuer=self.issuer,
            settler=self.settler,
            **facts,
        )
        found = verify(node, settings)
        if not found.holds:
            raise BadAnswer(f"the deployment is not complete: {found.differences}")
        return settings

    def to_facts(self) -> dict[str, Any]:
        """Return the deployment as text, to be kept until it is done."""
        return {
            "chain": str(self.chain),
            "ledger": self.ledger,
            "escrow": self.escrow,
            "area": self.area,
            "issuer": str(self.issuer),
            "settler": str(self.settler),
            "steps": [
                {
                    "name": step.name,
                    "wave": step.wave,
                    "transaction": step.transaction_id.hex(),
                    "raw": step.raw.hex(),
                }
                for step in self.steps
            ],
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Deployment:
        """Return the deployment that `to_facts` wrote."""
        return cls(
            chain=ChainId(facts["chain"]),
            ledger=facts["ledger"],
            escrow=facts["escrow"],
            area=facts["area"],
            issuer=AccountId(facts["issuer"]),
            settler=AccountId(facts["settler"]),
            steps=tuple(
                Step(
                    name=step["name"],
                    wave=step["wave"],
                    transaction_id=bytes.fromhex(step["transaction"]),
                    raw=bytes.fromhex(step["raw"]),
                )
                for step in facts["steps"]
            ),
        )


@attrs.frozen(kw_only=True)
class Verification:
    """Whether what stands on a chain is our contract, in the hands that the settings name."""

    code_hash: str
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Tell whether nothing differs."""
        return not self.differences


def deploy(
    node: NodeClient,
    *,
    owner: Signer,
    issuer: Signer,
    settler: Signer,
    money: str,
    withdrawal_delay_s: int = WITHDRAWAL_DELAY_SECONDS,
    fee_ceiling_wei: int = FEE_CEILING_WEI,
) -> Deployment:
    """Sign the contracts' creation, the opening of an area and what accepts its roles, and send all.

    `money` is the address of the ERC-20 that the ledger keeps.  The three may be one account.
    `push` the result until it names nothing any more, then ask it for the `settings`.
    """
    chain = chain_id_of(node.chain_number())
    fees = suggested(node, fee_ceiling_wei)
    if fees is None:
        raise Refused(
            f"gas costs more than the ceiling of {fee_ceiling_wei} wei: wait, or raise it"
        )
    signing = _Signing(node, chain, fees)
    owner_address = address_on(owner.account, chain)
    first = signing.next_nonce(owner)
    ledger, escrow = (contract_address(owner_address, first + place) for place in range(2))
    arguments = encode(
        ("address", "uint64", "address"), parse_address(money), withdrawal_delay_s, escrow
    )
    signing.create("contract", owner, load_artifact(CONTRACT).bytecode + arguments)
    arguments = encode(("address", "bytes32", "bytes32"), ledger, *asset_words(chain, ledger))
    signing.create("escrow", owner, load_artifact(ESCROW_CONTRACT).bytecode + arguments)
    opening = call(OPEN_AREA, address_on(settler.account, chain), address_on(issuer.account, chain))
    signing.call("area", owner, ledger, opening, OPEN_AREA_GAS, 0)
    if settler.account != owner.account:
        signing.call("settler", settler, ledger, call(ACCEPT_SETTLER, FIRST_AREA), ACCEPT_GAS, 1)
    if issuer.account != owner.account:
        signing.call("issuer", issuer, ledger, call(ACCEPT_ISSUER, FIRST_AREA), ACCEPT_GAS, 1)
    deployment = Deployment(
        chain=chain,
        ledger=checksummed(ledger),
        escrow=checksummed(escrow),
        area=FIRST_AREA,
        issuer=issuer.account,
        settler=settler.account,
        steps=tuple(signing.steps),
    )
    deployment.push(node)
    return deployment


def verify(node: NodeClient, settings: EthereumSettings) -> Verification:
    """Compare the code on a chain with the artefacts, and roles and addresses with the settings."""
    code_hash = keccak(node.code(settings.ledger_address)).hex()
    differences = []
    if node.chain_number() != settings.chain_number:
        differences.append(f"node {node.name} serves another chain than {settings.chain}")
    wrong_code = [
        *_code_differences(node, CONTRACT, settings.ledger, settings.code_hash),
        *_code_differences(node, ESCROW_CONTRACT, settings.escrow, settings.escrow_hash),
    ]
    if not wrong_code:
        differences += [*_escrow_differences(node, settings), *_role_differences(node, settings)]
    return Verification(code_hash=code_hash, differences=(*differences, *wrong_code))


def escrow_of(node: NodeClient, ledger: bytes) -> bytes:
    """Return the address of the escrow that a ledger names; raises `BadAnswer` where there is none."""
    reply = node.call(ledger, call(ESCROW))
    if isinstance(reply, ErrorReply) or len(reply) != WORD_BYTES:
        raise BadAnswer(f"{checksummed(ledger)} names no escrow: {reply!r}")
    return reply[-ADDRESS_BYTES:]


def asset_words(chain: ChainId, ledger: bytes) -> tuple[bytes, bytes]:
    """Return what terms of sessions call energy and money: hashes of their CAIP-19 names."""
    assets = (ledger_asset(chain, checksummed(ledger), name) for name in (ENERGY, MONEY))
    energy, money = (hashlib.sha256(str(asset).encode()).digest() for asset in assets)
    return energy, money


def _code_differences(node: NodeClient, name: str, address: str, wanted: str) -> tuple[str, ...]:
    code = node.code(parse_address(address))
    if not load_artifact(name).matches(code):
        what = "other code than the compiled contract" if code else "no code"
        return (f"{address} has {what}",)
    found = keccak(code).hex()
    return () if found == wanted else (f"{address} has the code hash {found}",)


def _escrow_differences(node: NodeClient, settings: EthereumSettings) -> tuple[str, ...]:
    """Tell whether ledger and escrow name each other, and call assets as the adapter does."""
    differences = []
    escrow = checksummed(escrow_of(node, settings.ledger_address))
    if escrow != settings.escrow:
        differences.append(f"{settings.ledger} names the escrow {escrow}, not {settings.escrow}")
    wanted = (
        (ESCROW_LEDGER, settings.ledger_address.rjust(WORD_BYTES, b"\0")),
        *zip(
            (ESCROW_ENERGY, ESCROW_MONEY),
            asset_words(settings.chain, settings.ledger_address),
            strict=True,
        ),
    )
    for signature, word in wanted:
        if node.call(settings.escrow_address, call(signature)) != word:
            differences.append(f"{settings.escrow} has another {signature[:-2]} than {word.hex()}")
    return tuple(differences)


def contract_address(creator: bytes, nonce: int) -> bytes:
    """Return the address of what an account creates with a nonce."""
    return keccak(rlp.encode([creator, rlp.integer(nonce)]))[12:]


def create_contract(
    node: NodeClient, signer: Signer, name: str, arguments: bytes = b""
) -> tuple[bytes, Step]:
    """Sign and send the creation of a compiled contract; returns its address and what was sent."""
    chain = chain_id_of(node.chain_number())
    fees = suggested(node, FEE_CEILING_WEI)
    if fees is None:
        raise Refused(f"gas costs more than {FEE_CEILING_WEI} wei: wait")
    signing = _Signing(node, chain, fees)
    address = contract_address(address_on(signer.account, chain), signing.next_nonce(signer))
    signing.create(name, signer, load_artifact(name).bytecode + arguments)
    node.send_raw(signing.steps[0].raw)
    return address, signing.steps[0]


class _Signing:
    """Signs transactions one after the other, each sender's with nonces that follow each other."""

    def __init__(self, node: NodeClient, chain: ChainId, fees: Fees) -> None:
        self._node = node
        self._chain = chain
        self._number = node.chain_number()
        self._fees = fees
        self._nonces: dict[AccountId, int] = {}
        self.steps: list[Step] = []

    def next_nonce(self, signer: Signer) -> int:
        """Return the nonce of a sender's next transaction."""
        if signer.account not in self._nonces:
            address = address_on(signer.account, self._chain)
            self._nonces[signer.account] = self._node.nonces(address)[1]
        return self._nonces[signer.account]

    def create(self, name: str, signer: Signer, code: bytes) -> None:
        """Sign the creation of a contract."""
        sender = address_on(signer.account, self._chain)
        gas = self._node.estimate_gas(sender=sender, to=None, data=code)
        if isinstance(gas, ErrorReply):
            raise Refused(f"{signer.account} cannot create the contract: {gas}")
        least = INTRINSIC + CREATION + calldata_gas(code)
        self._sign(name, signer, None, code, min(GAS_MAX, max(gas + gas // 5, least)), 0)

    def call(self, name: str, signer: Signer, to: bytes, data: bytes, gas: int, wave: int) -> None:
        """Sign a call of a contract, which need not be there yet."""
        self._sign(name, signer, to, data, gas, wave)

    def _sign(
        self, name: str, signer: Signer, to: bytes | None, data: bytes, gas: int, wave: int
    ) -> None:
        nonce = self.next_nonce(signer)
        unsigned = FeeTransaction(
            chain_number=self._number,
            nonce=nonce,
            priority_fee_wei=self._fees.priority_fee_wei,
            fee_wei_max=self._fees.fee_wei_max,
            gas_max=gas,
            to=to,
            value_wei=0,
            data=data,
        )
        signed = attrs.evolve(unsigned, signature=signer.sign(unsigned.payload()))
        self._nonces[signer.account] = nonce + 1
        self.steps.append(
            Step(name=name, wave=wave, transaction_id=signed.transaction_id(), raw=signed.raw())
        )


def _role_differences(node: NodeClient, settings: EthereumSettings) -> Sequence[str]:
    reply = node.call(settings.ledger_address, call(AREA_STATE, settings.area))
    if isinstance(reply, ErrorReply):
        return (f"{settings.ledger} does not answer: {reply}",)
    try:
        fields = answer(AREA_STATE_TYPES, reply)
    except InvalidInput as error:
        return (str(error),)
    wanted = {"settler": (fields[1], settings.settler), "issuer": (fields[2], settings.issuer)}
    differences = []
    for role, (found, named) in wanted.items():
        holder = account_of(bytes.fromhex(found[2:]), settings.chain)
        if holder != named:
            differences.append(f"area {settings.area} has the {role} {holder}, not {named}")
    return differences
