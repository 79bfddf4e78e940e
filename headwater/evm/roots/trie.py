"""The root of an ordered list: a Merkle Patricia trie from RLP of each index to its value.

Yellow Paper 4.4.3 and appendix D. Which nodes there are follows from the number of values alone, so the tree
is walked once for each number and remembered as a plan: for each list there are only the hashes to make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

import sha3

from headwater.evm.rlp import encode_bytes, encode_int, encode_list

EMPTY_ROOT: Final = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""Of a list without values: keccak-256 of the RLP of the empty string."""
PLANS: Final = 256
"""Lists of so many different lengths have a plan that is remembered."""
_HASH: Final = 32


@dataclass(frozen=True, slots=True)
class _Leaf:
    """The value at `index`; `path` is the rest of its key, RLP of its compact form."""

    index: int
    path: bytes


@dataclass(frozen=True, slots=True)
class _Branch:
    """Children by nibble, None where there is none; no key of a list ends here."""

    children: tuple[_Node | None, ...]


@dataclass(frozen=True, slots=True)
class _Extension:
    """A path that all keys beneath share."""

    path: bytes
    child: _Node


_Node = _Leaf | _Branch | _Extension


def root(values: Sequence[bytes]) -> bytes:
    """The 32 bytes of the root of a list's encoded values, in order."""
    if not values:
        return EMPTY_ROOT
    return _keccak(_encoded(_plan(len(values)), values))


def _encoded(node: _Node, values: Sequence[bytes]) -> bytes:
    if isinstance(node, _Leaf):
        return encode_list((node.path, encode_bytes(values[node.index])))
    if isinstance(node, _Branch):
        children = [b"\x80" if each is None else _reference(each, values) for each in node.children]
        return encode_list((*children, b"\x80"))
    return encode_list((node.path, _reference(node.child, values)))


def _reference(node: _Node, values: Sequence[bytes]) -> bytes:
    """How a node is named in the one above it: by its hash, or itself where it is shorter than one."""
    encoded = _encoded(node, values)
    return encoded if len(encoded) < _HASH else b"\xa0" + _keccak(encoded)


@lru_cache(maxsize=PLANS)
def _plan(count: int) -> _Node:
    keys = sorted((encode_int(index).hex(), index) for index in range(count))
    return _planned(keys, 0)


def _planned(keys: list[tuple[str, int]], depth: int) -> _Node:
    """The node of sorted keys (hex digits are nibbles) that agree up to `depth`."""
    if len(keys) == 1:
        key, index = keys[0]
        return _Leaf(index, encode_bytes(_compact(key[depth:], leaf=True)))
    first, last = keys[0][0], keys[-1][0]
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    beneath = [[each for each in keys if each[0][shared] == digit] for digit in "0123456789abcdef"]
    branch = _Branch(tuple(_planned(each, shared + 1) if each else None for each in beneath))
    if shared == depth:
        return branch
    return _Extension(encode_bytes(_compact(first[depth:shared], leaf=False)), branch)


def _compact(nibbles: str, *, leaf: bool) -> bytes:
    """Hex-prefix encoding (Yellow Paper, appendix C)."""
    flag = 2 if leaf else 0
    return bytes.fromhex(f"{flag + 1:x}{nibbles}" if len(nibbles) & 1 else f"{flag:x}0{nibbles}")


def _keccak(data: bytes) -> bytes:
    return cast(bytes, sha3.keccak_256(data).digest())
