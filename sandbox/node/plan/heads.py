"""Answers about a head that is not the node's."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sha3 import keccak_256

from headwater.digits import quantity
from headwater.evm.header import header_hash
from sandbox.node.adjustable import from_chain
from sandbox.node.methods import NULL, Methods

Params = Sequence[object]
LATEST = ("latest", "pending")


def height_of(params: Params) -> int | None:
    """The height that a call asks for, None for a tag or a hash."""
    named = params[0] if params else None
    return None if isinstance(named, str) and len(named) == 66 else quantity(named)


def asks_head(method: str, params: Params) -> bool:
    """Whether a call asks for the head."""
    return method == "eth_blockNumber" or bool(params and params[0] in LATEST)


def at(methods: Methods, head: int, method: str, params: Params) -> bytes:
    """What the node answered when `head` was its head."""
    if method == "eth_blockNumber":
        return orjson.dumps(hex(head))
    height = height_of(params)
    if height is not None:
        return NULL if height > head else methods.call(method, list(params))
    return methods.call(method, [hex(head), *params[1:]]) if asks_head(method, params) else NULL


def made_up(methods: Methods, ahead: int, method: str, params: Params, *, sealed: bool = False) -> bytes:
    """A head above the node's that has the fields of its own and a hash of nothing, or of itself."""
    number = methods.head.number + ahead
    if method == "eth_blockNumber":
        return orjson.dumps(hex(number))
    block = orjson.loads(methods.call(method, list(params)))
    digest = "0x" + keccak_256(str(number).encode()).hexdigest()
    if sealed:
        made = block | {"number": hex(number), "parentHash": digest}
        return orjson.dumps(made | {"hash": "0x" + header_hash(made).hex()})
    return orjson.dumps(block | {"number": hex(number), "hash": digest, "parentHash": block["hash"]})


def other_branch(methods: Methods, params: Params) -> bytes | None:
    """The block of a height as another branch has it, on the same parent; its header's hash is genuine."""
    height = height_of(params)
    found = None if height is None else methods.block(params[0])
    if found is None or height is None:
        return None
    block = dict(from_chain(methods.chain, traces=False)(height, found.parent, 1).block)
    if len(params) < 2 or params[1] is not True:
        listed = block["transactions"]
        assert isinstance(listed, list)
        block["transactions"] = [each["hash"] for each in listed]
    return orjson.dumps(block)
