"""Repairs asked of a listener, and what it said again."""

from __future__ import annotations

from typing import Any

from connectors.evm.repair.request import Outcome
from headwater.retry import Backoff
from sandbox.node import AdjustableChain, RecordedNode
from schemas import codec_for
from tests.fakes.listening import MemoryStore, Rig, accepted, served, settled_rig


def at_once(backoff: Backoff, _: float = 0.0) -> float:
    backoff.attempts += 1
    return 0.0


def events(store: MemoryStore) -> list[dict[str, Any]]:
    """The events of the log that say a block again."""
    offsets = [each.position.offset for each in accepted(store) if each.kind.repairs]
    return [codec_for("raw-blocks").read(store.log[each][1].value, 5) for each in offsets]


def last(store: MemoryStore) -> dict[str, Any]:
    return events(store)[-1]


async def asked(rig: Rig, *requests: Any) -> list[Outcome]:
    """Ask, and the outcomes once all are committed."""
    before = len(rig.channel.outcomes)
    rig.channel.requests += requests
    await rig.answer()
    return rig.channel.outcomes[before:]


def touched(receipts: object) -> object:
    """The same receipts with something that no check looks at."""
    if isinstance(receipts, list):
        return [{**each, "effectiveGasPrice": "0x123456"} for each in receipts]
    return receipts


async def settled_far_back(store: MemoryStore, **options: Any) -> tuple[AdjustableChain, RecordedNode, Rig]:
    """A chain of 40 blocks of which the log remembers the last nine."""
    chain, node = served(40, safe_lag=4, finalized_lag=8)
    rig = await settled_rig(store, [node], **options)
    return chain, node, rig
