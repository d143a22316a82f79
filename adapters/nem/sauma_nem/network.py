"""The NEM networks: their bytes, sinks, clock and addresses.

An address is the 40 characters of base32(network byte, ripemd160(keccak256(public key)), first
four bytes of keccak256 of those 21), without hyphens and in upper case.
"""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

import attrs
import sha3  # type: ignore[import-untyped]
from symbolchain.ripemd160 import ripemd160

from .unreadable import AddressAlphabet, AddressChecksum, AddressLength, AddressNetwork

EPOCH_UNIX_SECONDS = 1_427_587_585  # 2015-03-29 00:06:25 UTC, the second 0 of every NEM network
EPOCH_UNIX_MS = EPOCH_UNIX_SECONDS * 1_000

BLOCK_TARGET_SECONDS = 60
MONTH_BLOCKS = 43_200
YEAR_BLOCKS = 525_600
REWRITE_LIMIT_BLOCKS = 360
BLOCK_TRANSACTIONS_MAX = 120  # inner transactions and cosignatures count too
CLOCK_TOLERANCE_SECONDS = 10
DEADLINE_SECONDS_MAX = 86_400
HASH_RETENTION_SECONDS = 36 * 3_600

MICRO_PER_XEM = 1_000_000
XEM_SUPPLY_WHOLE = 8_999_999_999
MOSAIC_UNITS_MAX = 9_000_000_000_000_000
TRANSFER_UNITS_MAX = (
    2**63 - 1
) // MICRO_PER_XEM  # quantity times multiplier in millionths is a long
MOSAIC_DIVISIBILITY_MAX = 6
MOSAIC_DESCRIPTION_LENGTH_MAX = 512
MOSAIC_NAME_LENGTH_MAX = 32
NAMESPACE_ROOT_LENGTH_MAX = 16
NAMESPACE_PART_LENGTH_MAX = 64
NAMESPACE_LEVELS_MAX = 3
TRANSFER_MOSAICS_MAX = 10  # nem:xem does not count
MESSAGE_BYTES_MAX = 1_024
COSIGNATORIES_MAX = 32
ANNOUNCE_BYTES_MAX = 2_048  # the server cuts what is announced here
STRING_LENGTH_MAX = 128

REST_PORT = 7_890
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
HASH_BYTES = 32
ADDRESS_LENGTH = 40

_ADDRESS_CHECKSUM_START = 21


@attrs.frozen(kw_only=True, cache_hash=True)
class Network:
    """A NEM network: its name, its byte and what follows from the byte.

    `chain_reference` is the reference of its CAIP-2 chain id, to be used with namespace `nem`.
    """

    name: str
    byte: int
    chain_reference: str
    namespace_sink: str
    mosaic_sink: str

    @property
    def id_signed(self) -> int:
        """The byte as the server's JSON shows it: -104 for the test network."""
        return self.byte - 256 if self.byte >= 128 else self.byte


MAINNET = Network(
    name="mainnet",
    byte=0x68,
    chain_reference="mainnet",
    namespace_sink="NAMESPACEWH4MKFMBCVFERDPOOP4FK7MTBXDPZZA",
    mosaic_sink="NBMOSAICOD4F54EE5CDMR23CCBGOAM2XSIUX6TRS",
)
TESTNET = Network(
    name="testnet",
    byte=0x98,
    chain_reference="testnet",
    namespace_sink="TAMESPACEWH4MKFMBCVFERDPOOP4FK7MTDJEYP35",
    mosaic_sink="TBMOSAICOD4F54EE5CDMR23CCBGOAM2XSJBR5OLC",
)
MIJIN = Network(
    name="mijin",
    byte=0x60,
    chain_reference="mijin",
    namespace_sink="MAMESPACEWH4MKFMBCVFERDPOOP4FK7MTCZTG5E7",
    mosaic_sink="MBMOSAICOD4F54EE5CDMR23CCBGOAM2XSKYHTOJD",
)
NETWORKS: tuple[Network, ...] = (MAINNET, TESTNET, MIJIN)


def keccak_256(data: bytes) -> bytes:
    """The original Keccak (not SHA3-256), NEM's hash."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


@lru_cache(maxsize=65_536)
def address_of(public_key: bytes, network_byte: int) -> str:
    """The address of a public key (32 bytes) on the network with this byte."""
    body = bytes((network_byte,)) + ripemd160(keccak_256(public_key))
    return base64.b32encode(body + keccak_256(body)[:4]).decode("ascii")


@lru_cache(maxsize=65_536)
def network_byte_of(address: str) -> int:
    """The network byte of a sound address in upper case; the errors are those of `check_address`."""
    if len(address) != ADDRESS_LENGTH:
        raise AddressLength(
            f"an address has {ADDRESS_LENGTH} characters and no hyphens, not {address!r}",
            address=address,
        )
    try:
        decoded = base64.b32decode(address)
    except (binascii.Error, ValueError) as error:
        raise AddressAlphabet(
            f"an address is written with A to Z and 2 to 7, not {address!r}", address=address
        ) from error
    body = decoded[:_ADDRESS_CHECKSUM_START]
    if keccak_256(body)[:4] != decoded[_ADDRESS_CHECKSUM_START:]:
        raise AddressChecksum(
            f"the checksum of address {address!r} is wrong; it was mistyped", address=address
        )
    return body[0]


def check_address(address: str, network: Network) -> str:
    """The address in upper case, once it is known to be one of this network.

    Raises AddressLength, AddressAlphabet, AddressChecksum or AddressNetwork.
    """
    canonical = address.upper()
    if network_byte_of(canonical) != network.byte:
        raise AddressNetwork(
            f"address {address!r} is not of the {network.name}; take the account's address there",
            address=canonical,
        )
    return canonical


def seconds_from_unix_ms(unix_ms: int) -> int:
    """NEM seconds, to the nearest as the server rounds (half a second up)."""
    return (unix_ms - EPOCH_UNIX_MS + 500) // 1_000


def unix_ms_from_seconds(seconds: int) -> int:
    """Unix milliseconds at the start of a NEM second."""
    return EPOCH_UNIX_MS + seconds * 1_000


def unix_seconds_from_seconds(seconds: int) -> int:
    """Unix seconds of a NEM second."""
    return EPOCH_UNIX_SECONDS + seconds
