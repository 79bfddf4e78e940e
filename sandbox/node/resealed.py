"""Another block than the recorded one, whose receipts, roots and hashes hold all the same."""

from __future__ import annotations

from typing import Any, cast

from sandbox.node.adjustable import relink
from sandbox.node.answers import Json
from sandbox.node.genuine import receipts_root, sealed, transactions_of
from sandbox.node.synthetic import Content, bloom_of_logs


def resealed(content: Content, parent: str, name: str) -> Content:
    """The block on another parent, without its last transaction where the roots can be made again.

    `name` stands in its extra data: it tells branches apart whose blocks have no transactions.
    """
    header: Json = {**content.block, "extraData": "0x" + name.encode().hex()}
    shorter = _without_last(header, content)
    return relink(shorter or Content(header, content.receipts, content.calls, content.flat), parent)


def _without_last(header: Json, content: Content) -> Content | None:
    listed, receipts = cast(list[Json], header["transactions"]), content.receipts
    if len(listed) < 2 or not isinstance(receipts, list) or len(receipts) != len(listed):
        return None
    kept, left = listed[:-1], receipts[:-1]
    try:
        typed = transactions_of(kept)
        found = sealed(typed)
        if found is None:
            return None
        root = receipts_root(left, typed)
    except ValueError:
        return None
    gone = listed[-1]["hash"]
    changed: dict[str, Any] = {
        "transactions": kept,
        "transactionsRoot": "0x" + found[1].hex(),
        "receiptsRoot": "0x" + root.hex(),
        "gasUsed": left[-1]["cumulativeGasUsed"],
        "logsBloom": bloom_of_logs([log for receipt in left for log in receipt["logs"]]),
    }
    calls = content.calls[:-1] if isinstance(content.calls, list) else None
    flat = content.flat
    if isinstance(flat, list):
        flat = [each for each in flat if each.get("transactionHash") != gone]
    return Content(header | changed, left, calls, flat)
