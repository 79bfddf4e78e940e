"""Answers of blocks and receipts that lack or change something. Pure: a node's result to a false one."""

from __future__ import annotations

from random import Random

from sandbox.node.answers import Json


def wrong_receipts(result: object) -> object:
    """Each that succeeded failed, and the other way round."""
    if not isinstance(result, list):
        return result
    return [each | {"status": "0x0" if each.get("status") == "0x1" else "0x1"} for each in result]


def missing_logs(result: object, random: Random) -> object:
    """One receipt, of those with logs, has none."""
    if not isinstance(result, list):
        return result
    with_logs = [at for at, each in enumerate(result) if each.get("logs")]
    if not with_logs:
        return result
    chosen = random.choice(with_logs)
    return [each | {"logs": []} if at == chosen else each for at, each in enumerate(result)]


def cut_transactions(result: object, share: float) -> object:
    """The last of a block's transactions, or receipts, are not listed, one at least."""
    if isinstance(result, list):
        return result[: len(result) - max(1, int(len(result) * share))] if result else result
    if not isinstance(result, dict) or not isinstance(result.get("transactions"), list):
        return result
    block: Json = dict(result)
    listed = result["transactions"]
    block["transactions"] = listed[: len(listed) - max(1, int(len(listed) * share))] if listed else listed
    return block
