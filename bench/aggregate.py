"""The aggregate stage over the 23 blocks on one core, without Kafka; its cost in messages and memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

from bench import blocks, streams
from bench.report import Row, publish
from headwater.settings import load_settings
from schemas import StreamReader, frame, schema_of
from streams.agents.aggregate import AggregateStage, build
from streams.logic.aggregate.input import FIELDS
from streams.logic.enrich.event import enrich
from streams.logic.event import ChainEvent
from streams.logic.normalize.event import normalize
from streams.stage import StageContext
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.groups import group_of

TARGET = 100_000
_FRAME = frame(1)
_BLOCKS = 360  # 72 minutes of mainnet: an hour is closed and not final, the next one is open
_SECONDS = 12
_FINAL_BEHIND = 64
_EPOCH = 32
Block = tuple[Envelope, tuple[bytes, ...]]


def rows() -> list[Row]:
    """Records (transactions, logs, transfers) per second and core; messages and bytes for each block."""
    folder = blocks.folder()
    if folder is None:
        return [Row("aggregate", None, "records/s/core", note="no real-chain data")]
    chain = [enriched(n, *streams.answers(path)) for n, path in enumerate(sorted(folder.iterdir()))]
    read = reader("enriched-blocks").message

    def fold() -> None:
        stage = _stage()
        for event, values in chain:
            stage.handle(ChainEvent(event, values, "", 0, (0,)))

    rate = blocks.RECORDS / streams.best(fold)
    bound = blocks.RECORDS / streams.best(
        lambda: [read(value, FIELDS) for _, values in chain for value in values]
    )
    return [
        Row(
            "aggregate",
            rate,
            "records/s/core",
            against="reading the same columns, nothing else",
            other=bound,
            target=f"≥ {TARGET:,}",
            met=rate >= TARGET,
            note="Avro in, snapshots and state entries out; without produce",
        ),
        *_cost(chain),
    ]


def _cost(chain: list[Block]) -> Iterator[Row]:
    """Of an hour and more of these blocks, over and over, twelve seconds apart, finalized by the epoch."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    stage = _stage()
    messages = public = state = 0
    kept: dict[bytes, int] = {}
    for event, values in _events(chain):
        outcome = stage.handle(ChainEvent(event, values, "", 0, (0,)))
        for each in outcome.public:
            messages += len(each.keys)
            public += sum(len(value or b"") for value in each.values)
        if outcome.state is not None:
            state += sum(len(value or b"") for value in outcome.state.values)
            for key, value in zip(outcome.state.keys, outcome.state.values, strict=True):
                kept[key] = len(value or b"")
    memory = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    yield Row("aggregate: snapshots", messages / _BLOCKS, "messages/block", note="72 minutes of mainnet")
    yield Row("aggregate: snapshots", public / _BLOCKS / 1_000, "kB/block", note="before compression")
    yield Row("aggregate: state", state / _BLOCKS / 1_000, "kB/block", note="before compression")
    yield Row("aggregate: state", sum(kept.values()) / 1e6, "MB", note="once compacted: read at start")
    yield Row("aggregate: memory", memory / 1e6, "MB", note="of what the stage remembers, at the end")


def _events(chain: list[Block]) -> Iterator[Block]:
    start = 1_700_002_800_000
    envelopes: list[Envelope] = []
    sequence = 1_000
    for number in range(_BLOCKS):
        event, values = chain[number % len(chain)]
        event = replace(
            event,
            sequence=sequence,
            block_number=number,
            block_hash=number.to_bytes(32, "big"),
            parent_hash=(number - 1).to_bytes(32, "big", signed=True),
            block_timestamp=start + number * _SECONDS * 1_000,
        )
        envelopes.append(event)
        sequence += 1
        yield event, values
        if number % _EPOCH == 0 and number >= _FINAL_BEHIND:
            yield replace(envelopes[-1 - _FINAL_BEHIND], event=EventKind.FINALIZED, sequence=sequence), ()
            sequence += 1


def enriched(place: int, block: bytes, receipts: bytes) -> Block:
    event = streams.envelope(block)
    event = replace(event, sequence=event.sequence + place)
    body = _FRAME + normalize(event, block, receipts)[0]
    return event, tuple(enrich(event, [body], lambda _: _FRAME).values)


def _stage() -> AggregateStage:
    settings = load_settings(environ={})
    return build(StageContext(settings, group_of("aggregate"), lambda _: _FRAME, reader))


def reader(stream: str) -> StreamReader:
    return StreamReader(stream, lambda schema_id: schema_of(stream))


if __name__ == "__main__":
    publish("aggregate", rows())
