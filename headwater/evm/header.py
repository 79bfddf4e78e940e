"""Block header hashes, recomputed from a node's JSON answer.

A header's hash is keccak-256 of the RLP list of its fields (Yellow Paper 4.4.3); `forks` has which fields
those are.
"""

from collections.abc import Mapping
from typing import cast

import sha3

from headwater.evm.answers.canonical import shown
from headwater.evm.forks import AURA_SEALS, AVALANCHE, ETHEREUM, HEAD, SEAL, after_seal
from headwater.evm.rlp import encode_bytes, encode_int, encode_list

Header = Mapping[str, object]
ZERO_ADDRESS = "0x" + "00" * 20

_TAIL = after_seal(ETHEREUM)
_AVALANCHE_TAIL = after_seal(AVALANCHE)
_SUBNET_TAIL = tuple(field for field in _AVALANCHE_TAIL if field[0] not in ("extDataHash", "extDataGasUsed"))
"""Avalanche's C-Chain (coreth) and its other chains (subnet-evm): their own fields stand among Ethereum's."""


class HeaderFieldError(ValueError):
    """A header lacks a field that its hash needs, or carries one that is not hex."""


def _item(header: Header, name: str, quantity: bool) -> bytes:
    value = header.get(name)
    if not quantity:
        return encode_bytes(_octets(value, name))
    try:
        # Some nodes write a step as a number or in decimal digits.
        return encode_int(value if type(value) is int else int(cast(str, value), 0))
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_hex(value, name) from error


def _octets(value: object, name: str) -> bytes:
    try:
        return bytes.fromhex(cast(str, value).removeprefix("0x"))
    except (AttributeError, TypeError, ValueError) as error:
        raise _no_hex(value, name) from error


def _no_hex(value: object, name: str) -> HeaderFieldError:
    return HeaderFieldError(f"header field {name} is {shown(value)}, which is not a hex value")


def _tail(header: Header, fields: tuple[tuple[str, bool], ...]) -> list[bytes]:
    """Return the optional fields up to the last one present; a gap encodes as the empty string."""
    present = [header.get(name) is not None for name, _ in fields]
    count = len(present) - present[::-1].index(True) if any(present) else 0
    return [
        _item(header, name, quantity) if there else b"\x80"
        for (name, quantity), there in zip(fields[:count], present[:count], strict=True)
    ]


def header_rlp(header: Header) -> bytes:
    """Return the RLP of a header as `eth_getBlockBy…` answers it.

    Raises HeaderFieldError when a field that belongs to the hash is missing or is not a hex value.
    """
    items = [_item(header, name, quantity) for name, quantity in HEAD]
    items += _seal(header)
    items += _tail(header, _tail_fields(header))
    return encode_list(items)


def _seal(header: Header) -> list[bytes]:
    # Erigon says a nonce and mixHash of zeros beside the real seal.
    for seal in (*AURA_SEALS, SEAL):
        if all(header.get(name) is not None for name, _ in seal):
            return [_item(header, name, quantity) for name, quantity in seal]
    sealed = header.get("sealFields")
    if isinstance(sealed, list) and sealed:
        # OpenEthereum's: each is RLP already.
        return [_octets(each, "sealFields") for each in sealed]
    return [_item(header, name, quantity) for name, quantity in SEAL]


def _tail_fields(header: Header) -> tuple[tuple[str, bool], ...]:
    if "extDataHash" in header:
        return _AVALANCHE_TAIL
    return _SUBNET_TAIL if "blockGasCost" in header else _TAIL


def header_hash(header: Header) -> bytes:
    """Return the 32 bytes of a header's hash. Raises HeaderFieldError as `header_rlp` does."""
    return cast(bytes, sha3.keccak_256(header_rlp(header)).digest())


def is_hashed(header: Header, name: str) -> bool:
    """Whether a header has this field of a later fork, and its hash is made of it."""
    return header.get(name) is not None and any(name == field for field, _ in _tail_fields(header))


def header_is_genuine(header: Header, *, signer_as_miner: bool = False) -> bool:
    """Tell whether the answer's own `hash` is the hash of its fields.

    `signer_as_miner`: nodes may show the block's signer as `miner` where the header itself has the zero
    address, as some of Polygon do, so that reading is accepted too. Raises HeaderFieldError as
    `header_rlp` does.
    """
    stated = bytes.fromhex(cast(str, header.get("hash") or "0x")[2:])
    if header_hash(header) == stated:
        return True
    return signer_as_miner and header_hash({**header, "miner": ZERO_ADDRESS}) == stated
