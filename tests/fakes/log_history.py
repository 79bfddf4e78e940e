"""Histories of a chain's log: what a listener writes to it with forks, finality, repairs and restarts."""

from __future__ import annotations

import random
from dataclasses import replace

from connectors.evm.events import Content, Event, Head
from connectors.evm.log import tail
from connectors.evm.log.codec import EventCodec
from connectors.evm.log.links.links import Links
from connectors.evm.log.writer import ChainLog
from tests.fakes.listening import CHAIN_ID, MemoryStore, made_up_apply, made_up_head, outgoing
from topics.chainlog.kinds import EventKind

CODEC = EventCodec(CHAIN_ID, 7, part_bytes=100)


def opened(store: MemoryStore, name: str = "listener", links: Links | None = None) -> ChainLog:
    log = ChainLog(store, CODEC, name, lambda: 1_700_000_000_000 + store.time_ms, links=links)
    log.open()
    return log


def grow(log: ChainLog, count: int, branch: int = 0, size: int = 10) -> None:
    for _ in range(count):
        tip = log.branch.tip
        number = tip.number + 1 if tip else 1
        log.publish([made_up_apply(made_up_head(number, branch, tip), size)])


def revert(log: ChainLog, count: int) -> None:
    for link in list(log.branch.from_tip(count)):
        log.publish([Event(EventKind.REVERT, link.head, log.content(link))])


def finalize(log: ChainLog, depth: int) -> None:
    tip = log.branch.tip
    assert tip is not None
    head = log.branch.at(tip.number - depth)
    assert head is not None
    log.publish([Event(EventKind.SAFE, head), Event(EventKind.FINALIZED, head)])


def remembered(log: ChainLog) -> list[Head]:
    return [link.head for link in log.branch.from_tip(log.branch.depth)][::-1]


def repair(log: ChainLog, rng: random.Random, orphans: list[Head], forgotten: list[Head]) -> None:
    """Say one of the blocks again, whatever became of it, with content of its own."""
    kind, heads = rng.choice(
        [
            (EventKind.REPAIR, remembered(log)),
            (EventKind.REPAIR, remembered(log)),
            (EventKind.REPAIR, forgotten),
            (EventKind.REPAIR_REVERT, orphans),
        ]
    )
    if heads:
        block = b"repaired %d " % log.sequence * rng.choice([1, 20])
        content = Content(block, b"[]", None, "made up", ())
        replaced = replace(content, block=block[::-1])
        log.publish([Event(kind, rng.choice(heads), content, replaced)])


def history(rng: random.Random, links: Links | None = None) -> tuple[MemoryStore, ChainLog]:
    """A log with forks, finality, repairs, restarts, split blocks and late messages of fenced listeners."""
    store = MemoryStore()
    log = opened(store, links=links)
    orphans: list[Head] = []
    forgotten: list[Head] = []
    for step in range(rng.randint(1, 60)):
        action = rng.random()
        if action < 0.55 or log.branch.tip is None:
            grow(log, rng.randint(1, 6), step % 200, rng.choice([10, 10, 250]))
        elif action < 0.65:
            repair(log, rng, orphans, forgotten)
        elif action < 0.75:
            deepest = log.branch.depth if log.branch.finalized is None else log.branch.depth - 1
            count = rng.randint(0, min(deepest, 7))
            orphans += [link.head for link in log.branch.from_tip(count)]
            revert(log, count)
        elif action < 0.87:
            before = remembered(log)
            finalize(log, rng.randint(0, min(5, log.branch.depth - 1)))
            forgotten += before[: len(before) - log.branch.depth]
        else:
            late = outgoing(made_up_apply(made_up_head(10_000)), log.sequence + 1, log.claim)
            log = opened(store, links=links)
            store.append(late)
            log = opened(store, links=links)
    return store, log


def facts(published: tail.Published) -> tuple[object, ...]:
    branch = published.branch
    bottom = branch.finalized.number if branch.finalized else 0
    tip = branch.tip.number if branch.tip else 0
    kept = [branch.link_at(number) for number in range(bottom, tip + 1)]
    return published.reader.last, published.reader.claim, branch.tip, branch.finalized, branch.safe, kept
