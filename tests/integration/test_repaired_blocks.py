"""Blocks that a stage could not handle, said again: consumers of the public topics have all of them then."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.evm.events import Content, Event, Head
from connectors.evm.log.codec import EventCodec
from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.log.writer import ChainLog
from headwater import clock
from headwater.settings import Settings, load_settings
from schemas import codec_for, frame
from schemas.registry import Registry, register_all
from streams.logic.enrich.event import enrich
from streams.logic.normalize.event import normalize
from tests.builders.chain_answers import CHAIN_ID, Answer, block, encoded, envelope, log, receipt, transaction
from tests.integration.worker_process import WorkerProcess, committed, messages, until
from topics import admin
from topics.catalog import topic_name
from topics.chainlog.envelope import read_envelope
from topics.chainlog.kinds import EventKind
from topics.coverage import COUNTED, STREAMS
from topics.groups import NAMES

pytestmark = pytest.mark.integration
# What aggregate and alert do with a repair is seen in tests of theirs.
BROKEN = {43: "normalize", 44: "enrich", 45: "state"}
NUMBERS = range(42, 47)


class Line:
    """A listener's log, and the workers of all stages behind it."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        store = KafkaStore(settings, topic_name(settings, "raw-blocks"), str(CHAIN_ID))
        codec = EventCodec(CHAIN_ID, Registry(settings).id_for("raw-blocks"))
        self.log = ChainLog(store, codec, "a test", clock.now_ms)
        self.settings = settings
        self._folder = folder
        self._workers: list[WorkerProcess] = []

    def start(self, settings: Settings) -> None:
        for name in NAMES:
            log_file = self._folder / f"{name}.log"
            self._workers.append(WorkerProcess(settings, ("headwater", "work", name), log_file))

    def drain(self) -> None:
        for worker in self._workers:
            worker.signal(signal.SIGTERM)
        for worker in self._workers:
            assert worker.exit_code() == 0, worker.logged()
        self._workers.clear()

    def wait_for(self, sequence: int) -> None:
        """Until every stage is past an event, whatever became of it."""

        def done() -> bool:
            assert all(each.alive for each in self._workers), [
                each.logged()[-2_000:] for each in self._workers
            ]
            ends = [
                each.offset + 1
                for each in messages(self.settings, "enriched-blocks")
                if read_envelope(each.value or b"", "enriched-blocks").sequence == sequence
            ]
            return bool(ends) and committed(self.settings, "state", "enriched-blocks") >= ends[-1]

        until(done, f"the state's worker is behind sequence {sequence}")

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
        self.log.close()


@pytest.fixture
def line(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Line]:
    settings = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka, "session_timeout_ms": 6_000},
            "registry": {"url": registry_url},
        },
        environ={},
    )
    admin.apply(settings)
    register_all(settings)
    made = Line(settings, tmp_path)
    yield made
    made.close()


def answers(number: int) -> tuple[Answer, list[Answer]]:
    """Two transactions of this block alone: a transfer, and a creation."""
    own = {"blockHash": f"0x{number:064x}", "blockNumber": hex(number)}
    names = [f"0x{number:032x}{place:032x}" for place in range(2)]
    transactions = [transaction(0, **own, hash=names[0]), transaction(1, **own, hash=names[1], to=None)]
    receipts = [
        receipt(0, [log(0, 0, **own, transactionHash=names[0])], **own, transactionHash=names[0]),
        receipt(1, **own, transactionHash=names[1], to=None, contractAddress=f"0x{number:040x}"),
    ]
    parent = f"0x{number - 1:064x}"
    return block(transactions, number=hex(number), hash=own["blockHash"], parentHash=parent), receipts


def event(kind: EventKind, number: int) -> Event:
    own, receipts = answers(number)
    said = envelope(own)
    head = Head(number, said.block_hash or b"", said.parent_hash or b"", said.block_timestamp or 0)
    if not kind.carries_block:
        return Event(kind, head)
    return Event(kind, head, Content(encoded(own), encoded(receipts), None, "node", ("header_hash",)))


def test_blocks_that_stages_refused_are_whole_after_their_repair(line: Line) -> None:
    settings = line.settings
    refused = tuple(f"{stage}:{number}" for number, stage in BROKEN.items())
    refusing = load_settings(
        settings.model_dump(exclude={"stages"}) | {"stages": {"refuse_blocks": refused}}, environ={}
    )
    line.log.open()
    line.start(refusing)
    last = line.log.publish([event(EventKind.APPLY, number) for number in NUMBERS])
    line.wait_for(last)
    sequences = {number: last - (NUMBERS[-1] - number) for number in NUMBERS}
    letters = [dict(letter.headers) for letter in messages(settings, "dead-letters")]
    assert sorted((each["__connect.errors.stage"], each["sequence"]) for each in letters) == sorted(
        (stage.encode(), b"%d" % sequences[number]) for number, stage in BROKEN.items()
    )
    assert missing(settings) == {43, 44}
    assert {each["block_number"] for each in states(settings).values()} == set(NUMBERS) - BROKEN.keys()
    line.drain()

    line.start(settings)
    line.log.publish([event(EventKind.FINALIZED, NUMBERS[-1])])
    last = line.log.publish([event(EventKind.REPAIR, number) for number in BROKEN])
    line.wait_for(last)
    repaired = {number: last - 2 + place for place, number in enumerate(BROKEN)}
    assert missing(settings) == set()
    assert len(messages(settings, "dead-letters")) == len(BROKEN)
    stands = standing(settings)
    for number, sequence in (sequences | repaired).items():
        held = {own: each for own, each in stands.items() if each[1]["block_number"] == number}
        assert held == said_by_logic(number, sequence)
    final = states(settings)
    assert len(final) == 2 * len(NUMBERS)
    assert {each["state"] for each in final.values()} == {"FINALIZED"}
    for number, sequence in repaired.items():
        of_block = coverage(settings)[number]
        assert (of_block["sequence"], of_block["complete"], of_block["removed"]) == (sequence, True, False)
        for each in COUNTED:
            of_stream = [one for stream, one in stands.values() if stream == each.stream]
            assert of_block[each.field] == sum(one["block_number"] == number for one in of_stream) > 0
        versions = {each["version"] for each in final.values() if each["block_number"] == number}
        assert versions == {sequence * 16 + 7}
    line.drain()


def records(settings: Settings, stream: str) -> Iterator[dict[str, Any]]:
    for message in messages(settings, stream):
        assert message.value is not None
        yield codec_for(stream).read(message.value, 5)


def standing(settings: Settings) -> dict[bytes, tuple[str, dict[str, Any]]]:
    """What a consumer has that keeps the highest sequence of each event_id and drops what is removed."""
    kept: dict[bytes, tuple[str, dict[str, Any]]] = {}
    for stream in STREAMS:
        for record in records(settings, stream):
            own = record["event_id"]
            if own not in kept or record["sequence"] > kept[own][1]["sequence"]:
                kept[own] = stream, record
    return {own: each for own, each in kept.items() if not each[1]["removed"]}


def said_by_logic(number: int, sequence: int) -> dict[bytes, tuple[str, dict[str, Any]]]:
    """The records of a block that was never broken."""
    own, receipts = answers(number)
    said = envelope(own, sequence=sequence)
    values = [frame(1) + body for body in normalize(said, encoded(own), encoded(receipts))]
    found = {}
    for of_stream in enrich(said, values, lambda _: frame(1)).public:
        for value in of_stream.values:
            record = codec_for(of_stream.stream).read(value or b"", 5)
            found[record["event_id"]] = of_stream.stream, record
    return found  # type: ignore[return-value]


def coverage(settings: Settings) -> dict[int, dict[str, Any]]:
    """The last record of each key, as compaction leaves it."""
    return {record["block_number"]: record for record in records(settings, "coverage")}


def missing(settings: Settings) -> set[int]:
    """Blocks that coverage says are not whole, and that consumers have nothing of."""
    incomplete = {number for number, record in coverage(settings).items() if not record["complete"]}
    held = {each["block_number"] for _, each in standing(settings).values()}
    assert held == set(NUMBERS) - incomplete
    return incomplete


def states(settings: Settings) -> dict[bytes, dict[str, Any]]:
    """The snapshot with the highest version of each transaction."""
    kept: dict[bytes, dict[str, Any]] = {}
    for record in records(settings, "transaction-states"):
        own = record["hash"]
        if own not in kept or record["version"] > kept[own]["version"]:
            kept[own] = record
    return kept
