"""A node's answers, out of an event of raw-blocks and into the structs of `answers`.

Almost every answer of almost every chain has only the fields that are modelled, and `msgspec` decodes it
straight into structs. An answer with any other field, or numbers where JSON-RPC has hex strings, is
decoded without a type first: what no field models goes into `extra` as a JSON object, the rest becomes
the same structs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import msgspec

from headwater.errors import Permanent
from schemas import codec_for
from streams.logic.normalize.answers import (
    EXTRA,
    AccessListEntry,
    Answer,
    Authorization,
    Block,
    Log,
    Receipt,
    Transaction,
    Withdrawal,
)
from topics.chainlog.parts import join_answers

Answered = TypeVar("Answered")
_FIELDS = {"block": None, "receipts": None}
_raw = codec_for("raw-blocks")
_ENTRIES: dict[str, type[Answer]] = {
    "accessList": AccessListEntry,
    "authorizationList": Authorization,
    "withdrawals": Withdrawal,
}
_RECORDS: dict[str, type[Answer]] = {"transactions": Transaction, "logs": Log}
_BLOCK = msgspec.json.Decoder(Block)
_RECEIPTS = msgspec.json.Decoder(list[Receipt])


@dataclass(frozen=True, slots=True)
class Answers:
    """JSON as the node sent it; None where the event carries none."""

    block: bytes | None
    receipts: bytes | None


def read_answers(values: Sequence[bytes]) -> Answers:
    """The answers of one event; `values` are its framed parts in order. Raises MalformedRecord.

    A large answer is cut anywhere: its pieces are put together before anyone looks at them.
    """
    parts = [_raw.message(value, _FIELDS) for value in values]
    pieces = [cast("tuple[bytes | None, ...]", (part["block"], part["receipts"])) for part in parts]
    block, receipts = join_answers(pieces)
    return Answers(block, receipts)


def decode_block(raw: bytes) -> Block:
    """The answer of eth_getBlockBy… with full transactions. Raises Permanent naming the field at fault."""
    block = _decode(raw, _BLOCK, Block, Block, "block")
    if block.transactions is None:
        block.transactions = []
    return block


def decode_receipts(raw: bytes) -> list[Receipt]:
    """The answer of eth_getBlockReceipts. Raises Permanent naming the field at fault."""
    return _decode(raw, _RECEIPTS, list[Receipt], Receipt, "receipts")


def join_extra(extra: str | None, more: dict[str, object]) -> str:
    """`extra` with more content, keys sorted so that equal content is equal text."""
    content: dict[str, object] = {} if extra is None else msgspec.json.decode(extra)
    return msgspec.json.encode(content | more, order="sorted").decode()


def _decode(
    raw: bytes,
    decoder: msgspec.json.Decoder[Answered],
    shape: type[Answered],
    record: type[Answer],
    name: str,
) -> Answered:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        pass  # The usual reason is an unmodelled field; what is wrong is wrong again below.
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(f"{name}: the answer is not JSON: {error}") from error
    try:
        answer = msgspec.json.decode(raw)
        for each in answer if isinstance(answer, list) else [answer]:
            _set_apart(each, record)
        return msgspec.convert(answer, shape)
    except (msgspec.DecodeError, RecursionError) as error:
        # msgspec says "... - at `$[3].nonce`": the path within the answer.
        raise Permanent(f"{name}: {error}") from error


def _set_apart(content: object, record: type[Answer]) -> None:
    """Move what `record` does not model into its extra field, in place, nested records included."""
    if not isinstance(content, dict):
        return
    known = _KNOWN[record]
    extra = {name: content.pop(name) for name in content.keys() - known}
    for name, value in content.items():
        if type(value) is int:
            content[name] = hex(value)
        elif isinstance(value, list) and name in known:
            if name in _RECORDS:
                for each in value:
                    _set_apart(each, _RECORDS[name])
            elif name in _ENTRIES:
                entry = _KNOWN[_ENTRIES[name]]
                if any(isinstance(each, dict) and each.keys() - entry for each in value):
                    # An entry has no extra field of its own: the parent keeps the list as it came.
                    extra[name] = value
                content[name] = [_modelled(each, entry) for each in value]
    if extra:
        content[EXTRA] = msgspec.json.encode(extra, order="sorted").decode()


def _modelled(entry: object, known: frozenset[str]) -> object:
    if not isinstance(entry, dict):
        return entry
    return {
        name: hex(value) if type(value) is int else value for name, value in entry.items() if name in known
    }


_KNOWN: dict[type[Answer], frozenset[str]] = {
    shape: frozenset(each.encode_name for each in msgspec.structs.fields(shape)) - {EXTRA}
    for shape in (Block, Transaction, Receipt, Log, AccessListEntry, Authorization, Withdrawal)
}
