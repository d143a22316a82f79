"""The ledger on an EVM in this process: deploy, call, read, and say which rule refused a call.

Also the batch format in a few lines of its own, so that the tests do not trust the adapter's codec.
"""

from __future__ import annotations

import ast
import hashlib
import struct
from collections.abc import Sequence
from typing import Any, Final

import attrs
from eth_abi.abi import decode, encode
from eth_keys.datatypes import PrivateKey
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from eth_utils.address import to_checksum_address
from eth_utils.conversions import to_bytes
from eth_utils.crypto import keccak

from sauma.identifiers import ChainId
from sauma_ethereum.artifacts import load_artifact
from sauma_ethereum.caip import ledger_asset
from sauma_ethereum.deployment import contract_address

AREA: Final = 1
DELAY_S: Final = 3_600
FIRST_SIGNED: Final = 1 << 31
FOREVER: Final = 2**64 - 1
GAS_MAX: Final = 29_000_000
ISSUE, TRANSFER, NET, RETIRE, ANCHOR, CLAIMS = range(1, 7)
ENERGY, MONEY = 0, 1
CONTRACTS: Final = ("SaumaLedger", "SaumaEscrow")
ASSETS: Final = ("energy", "money")
MINUS: Final = 1 << 63
CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Reverted(Exception):
    """A call that the contract refused: the name of its custom error, and the error's arguments."""

    def __init__(self, name: str, values: tuple[Any, ...]) -> None:
        super().__init__(f"{name}{values}")
        self.name = name
        self.values = values


@attrs.frozen(kw_only=True)
class Receipt:
    """What a transaction used and said."""

    gas: int
    events: tuple[tuple[str, dict[str, Any]], ...]


class Contract:
    """A deployed contract, called by function name."""

    def __init__(self, tester: EthereumTester, address: str, artifact_name: str) -> None:
        self.tester = tester
        self.address = address
        self.abi = load_artifact(artifact_name).abi
        self._functions = {e["name"]: e for e in self.abi if e["type"] == "function"}
        self._events = {keccak(_signature(e).encode()): e for e in self.abi if e["type"] == "event"}
        # A refusal may come from the other contract, through this one.
        known = (e for each in (artifact_name, *CONTRACTS) for e in load_artifact(each).abi)
        self._errors = {
            keccak(_signature(e).encode())[:4]: e for e in known if e["type"] == "error"
        }

    @classmethod
    def deploy(cls, tester: EthereumTester, name: str, *values: Any) -> Contract:
        """Deploy an artefact with constructor arguments."""
        artifact = load_artifact(name)
        types = [_type(i) for e in artifact.abi if e["type"] == "constructor" for i in e["inputs"]]
        sent = tester.send_transaction(
            {
                "from": tester.get_accounts()[0],
                "to": "",
                "gas": GAS_MAX,
                "data": "0x" + (artifact.bytecode + encode(types, values)).hex(),
            }
        )
        receipt = tester.get_transaction_receipt(sent)
        if receipt["status"] != 1:
            raise Reverted("constructor", values)
        return cls(tester, receipt["contract_address"], name)

    def calldata(self, function: str, *values: Any) -> bytes:
        """Return the bytes of a call."""
        entry = self._functions[function]
        return keccak(_signature(entry).encode())[:4] + encode(
            [_type(i) for i in entry["inputs"]], values
        )

    def read(self, function: str, *values: Any, sender: str | None = None) -> Any:
        """Return what a call would answer now: one value as itself, several as a tuple."""
        try:
            answer = self.tester.call(self._call(function, values, sender))
        except TransactionFailed as error:
            raise self._reverted(error) from None
        outputs = [_type(o) for o in self._functions[function]["outputs"]]
        decoded = decode(outputs, bytes.fromhex(answer[2:]))
        return decoded[0] if len(decoded) == 1 else decoded

    def send(
        self, function: str, *values: Any, sender: str | None = None, behind: bytes = b""
    ) -> Receipt:
        """Call in a transaction of its own block; raise `Reverted` when the contract refused it.

        `behind` stands behind the parameters, where the EVM does not look.
        """
        asked = self._call(function, values, sender)
        sent = self.tester.send_transaction({**asked, "data": asked["data"] + behind.hex()})
        receipt = self.tester.get_transaction_receipt(sent)
        if receipt["status"] != 1:
            self.read(function, *values, sender=sender)
            raise AssertionError(f"{function} failed in its block, but not when asked again")
        events = tuple(
            self._decoded(log)
            for log in receipt["logs"]
            if bytes.fromhex(log["address"][2:]) == bytes.fromhex(self.address[2:])
        )
        return Receipt(gas=receipt["gas_used"], events=events)

    def _call(self, function: str, values: Sequence[Any], sender: str | None) -> dict[str, Any]:
        return {
            "from": sender or self.tester.get_accounts()[0],
            "to": self.address,
            "gas": GAS_MAX,
            "data": "0x" + self.calldata(function, *values).hex(),
        }

    def _reverted(self, error: TransactionFailed) -> Reverted:
        # The tester hands a custom error on as the text of a bytes literal.
        text = str(error.args[0])
        data: bytes = ast.literal_eval(text) if text.startswith(("b'", 'b"')) else b""
        entry = self._errors.get(data[:4])
        if entry is None:
            return Reverted(text, ())
        return Reverted(entry["name"], decode([_type(i) for i in entry["inputs"]], data[4:]))

    def _decoded(self, log: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        topics = [bytes.fromhex(topic[2:]) for topic in log["topics"]]
        entry = self._events[topics[0]]
        indexed = [i for i in entry["inputs"] if i["indexed"]]
        plain = [i for i in entry["inputs"] if not i["indexed"]]
        fields = {
            i["name"]: decode([_type(i)], topic)[0]
            for i, topic in zip(indexed, topics[1:], strict=True)
        }
        body = decode([_type(i) for i in plain], bytes.fromhex(log["data"][2:]))
        fields |= {i["name"]: value for i, value in zip(plain, body, strict=True)}
        return entry["name"], fields


def deploy_pair(tester: EthereumTester, token: str, delay_s: int) -> tuple[Contract, Contract]:
    """Deploy a ledger and its escrow, each of which has the other's address in its code."""
    creator = tester.get_accounts()[0]
    nonce = tester.get_nonce(creator)
    addresses = [
        to_checksum_address(contract_address(to_bytes(hexstr=creator), nonce + place))
        for place in range(2)
    ]
    assets = [asset_word(tester.backend.chain.chain_id, addresses[0], name) for name in ASSETS]
    ledger = Contract.deploy(tester, "SaumaLedger", token, delay_s, addresses[1])
    escrow = Contract.deploy(tester, "SaumaEscrow", ledger.address, *assets)
    return ledger, escrow


def asset_word(chain_id: int, ledger: str, name: str) -> bytes:
    """Return what terms of a session call one of the ledger's assets: the SHA-256 of its CAIP-19 name."""
    asset = ledger_asset(ChainId(f"eip155:{chain_id}"), ledger, name)
    return hashlib.sha256(str(asset).encode()).digest()


class LocalLedger:
    """A token and a ledger with one area, whose owner, settler and issuer is the first account."""

    def __init__(self) -> None:
        self.tester = EthereumTester(PyEVMBackend())
        self.accounts: tuple[str, ...] = self.tester.get_accounts()
        self.operator = self.accounts[0]
        self.token = Contract.deploy(self.tester, "TestMoney")
        self.ledger, self.escrow = deploy_pair(self.tester, self.token.address, DELAY_S)
        self.send("openArea", self.operator, self.operator)
        self._references = 0
        self._unlocked: set[str] = set()

    def send(self, function: str, *values: Any, sender: str | None = None) -> Receipt:
        """Call the ledger in a transaction."""
        return self.ledger.send(function, *values, sender=sender)

    def read(self, function: str, *values: Any, sender: str | None = None) -> Any:
        """Ask the ledger."""
        return self.ledger.read(function, *values, sender=sender)

    def register(self, *owners: str) -> list[int]:
        """Give owners netted accounts and return the numbers."""
        for start in range(0, len(owners), 200):
            self.send("registerMany", AREA, owners[start : start + 200])
        return [self.read("accountsOf", AREA, owner)[0] for owner in owners]

    def register_signed(self, owner: str) -> int:
        """Give an owner a signed account and return its number."""
        self.send("register", AREA, owner, True)
        number: int = self.read("accountsOf", AREA, owner)[1]
        return number

    def unlock(self, key: PrivateKey) -> None:
        """Let a key send transactions, and give it ether for them, once."""
        address = key.public_key.to_checksum_address()
        if address not in self._unlocked:
            self.tester.add_account(key.to_hex())
            self._unlocked.add(address)
        if self.tester.get_balance(address) < 10**18:
            ether = {"from": self.operator, "to": address, "value": 10**19, "gas": 21_000}
            self.tester.send_transaction(ether)

    def fund(self, account: int, *, energy_wh: int = 0, money_units: int = 0) -> None:
        """Issue energy to an account and deposit money in it."""
        if energy_wh:
            self.settle(section(ISSUE, issue_line(account, energy_wh)))
        if money_units:
            self.token.send("mint", self.operator, money_units)
            self.token.send("approve", self.ledger.address, money_units)
            self.send("deposit", AREA, account, money_units)

    def reference(self) -> bytes:
        """Return a reference that was not used yet."""
        self._references += 1
        return keccak(self._references.to_bytes(8, "big"))[:30] + bytes(2)

    def settle(
        self,
        operations: bytes,
        *,
        reference: bytes | None = None,
        sender: str | None = None,
        trades: bytes = b"",
        valid_until: int = FOREVER,
    ) -> Receipt:
        """Settle a batch, under a fresh reference unless one is given."""
        chosen = self.reference() if reference is None else reference
        return self.send("settle", AREA, chosen, valid_until, operations, trades, sender=sender)

    def balance(self, account: int) -> tuple[int, int]:
        """Return an account's energy and money."""
        energy_wh, money_units = self.read("balanceOf", AREA, account)
        return energy_wh, money_units

    def pass_time(self, seconds: int) -> None:
        """Let the chain's clock advance."""
        now = self.tester.get_block_by_number("latest")["timestamp"]
        self.tester.time_travel(now + seconds)
        self.tester.mine_block()


def section(kind: int, *lines: bytes) -> bytes:
    """Return a section of a batch."""
    return bytes([kind]) + len(lines).to_bytes(3, "big") + b"".join(lines)


def issue_line(account: int, energy_wh: int) -> bytes:
    """Return a line that issues, or retires, energy."""
    return struct.pack(">IQ", account, energy_wh)


def transfer_line(sender: int, recipient: int, asset: int, units: int) -> bytes:
    """Return a line that moves one asset from one account to another."""
    return struct.pack(">IIBQ", sender, recipient, asset, units)


def net_line(account: int, energy_wh: int, money_units: int) -> bytes:
    """Return a line of a netted movement."""
    return struct.pack(">IQQ", account, _signed(energy_wh), _signed(money_units))


def claims_line(payer: int, energy_wh: int, money_units: int, deadline: int, root: bytes) -> bytes:
    """Return a line that opens and funds a claims root."""
    return struct.pack(">IQQQ", payer, energy_wh, money_units, deadline) + root


def head_after(head: bytes, reference: bytes, tag: int, *hashes: bytes) -> bytes:
    """Return the audit head as the interface defines it, after a batch (1), a signed one (2), a root (3)."""
    number = int.from_bytes(head[28:], "big") + 1
    content = keccak(tag.to_bytes(32, "big") + b"".join(hashes))
    return keccak(head + reference + content)[:28] + number.to_bytes(4, "big")


def key_of(number: int) -> PrivateKey:
    """Return a private key for tests, by number."""
    return PrivateKey(keccak(b"maker" + number.to_bytes(4, "big")))


def sign(key: PrivateKey, digest: bytes, *, compact: bool = False) -> bytes:
    """Return a signature in 65 bytes (r, s, v) or in 64 (EIP-2098)."""
    signature = key.sign_msg_hash(digest)
    r, s = signature.r.to_bytes(32, "big"), signature.s
    if compact:
        return r + (s | signature.v << 255).to_bytes(32, "big")
    return r + s.to_bytes(32, "big") + bytes([27 + signature.v])


def order_digest(ledger: Contract, chain_id: int, area: int, order: tuple[Any, ...]) -> bytes:
    """Return what a maker signs, computed here and not by the contract (EIP-712)."""
    domain = keccak(
        keccak(
            b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        )
        + encode(
            ["bytes32", "bytes32", "uint256", "address"],
            [keccak(b"SaumaLedger"), keccak(b"1"), chain_id, ledger.address],
        )
    )
    message = keccak(
        keccak(
            b"Order(uint32 area,uint32 account,bool buys,uint64 energyWh,uint64 priceUnits,"
            b"uint64 nonce,uint64 deadline)"
        )
        + encode(
            ["uint32", "uint32", "bool", "uint64", "uint64", "uint64", "uint64"], [area, *order]
        )
    )
    return keccak(b"\x19\x01" + domain + message)


def _signed(units: int) -> int:
    return abs(units) | (MINUS if units < 0 else 0)


def _type(entry: dict[str, Any]) -> str:
    kind: str = entry["type"]
    if kind.startswith("tuple"):
        return f"({','.join(_type(c) for c in entry['components'])}){kind.removeprefix('tuple')}"
    return kind


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(_type(i) for i in entry['inputs'])})"
