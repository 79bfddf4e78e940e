"""A listener's log and the workers behind it: a test says each event, and waits until all have handled it."""

from __future__ import annotations

import signal
from pathlib import Path

from connectors.evm.events import Content, Event, Head
from connectors.evm.log.codec import EventCodec
from connectors.evm.log.kafka_store import KafkaStore
from connectors.evm.log.writer import ChainLog
from headwater import clock
from headwater.settings import Settings
from schemas.registry import Registry
from tests.builders.chain_answers import CHAIN_ID, Answer, block, encoded, envelope, log, receipt, transaction
from tests.integration.waiting import until
from tests.integration.worker_process import WorkerProcess, committed, messages
from topics.catalog import topic_name
from topics.chainlog.envelope import read_envelope
from topics.chainlog.kinds import EventKind
from topics.groups import NAMES


class LoggedLine:
    """A listener's log, and the workers of all stages behind it."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        store = KafkaStore(settings, topic_name(settings, "raw-blocks"), str(CHAIN_ID))
        codec = EventCodec(CHAIN_ID, Registry(settings).id_for("raw-blocks"))
        self.log = ChainLog(store, codec, "a test", clock.now_ms)
        self.settings = settings
        self._folder = folder
        self._workers: list[WorkerProcess] = []

    def start(self, settings: Settings, groups: tuple[str, ...] = NAMES, *, sink: bool = False) -> None:
        for name in groups:
            log_file = self._folder / f"{name}.log"
            self._workers.append(WorkerProcess(settings, ("headwater", "work", name), log_file))
        if sink:
            self._workers.append(WorkerProcess(settings, ("headwater", "sink"), self._folder / "sink.log"))

    def drain(self) -> None:
        for worker in self._workers:
            worker.signal(signal.SIGTERM)
        for worker in self._workers:
            assert worker.exit_code() == 0, worker.logged()
        self._workers.clear()

    def wait_for(self, sequence: int, last: str = "state") -> None:
        """Until a stage, and those before it, are past an event, whatever became of it."""

        def done() -> bool:
            assert all(each.alive for each in self._workers), [
                each.logged()[-2_000:] for each in self._workers
            ]
            ends = [
                each.offset + 1
                for each in messages(self.settings, "enriched-blocks")
                if read_envelope(each.value or b"", "enriched-blocks").sequence == sequence
            ]
            return bool(ends) and committed(self.settings, last, "enriched-blocks") >= ends[-1]

        until(done, f"the worker of {last} is behind sequence {sequence}")

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
        self.log.close()


def answers(number: int, seconds: int | None = None) -> tuple[Answer, list[Answer]]:
    """Two transactions of this block alone: a transfer, and a creation. `seconds`: the block's time."""
    own = {"blockHash": f"0x{number:064x}", "blockNumber": hex(number)}
    names = [f"0x{number:032x}{place:032x}" for place in range(2)]
    transactions = [transaction(0, **own, hash=names[0]), transaction(1, **own, hash=names[1], to=None)]
    receipts = [
        receipt(0, [log(0, 0, **own, transactionHash=names[0])], **own, transactionHash=names[0]),
        receipt(1, **own, transactionHash=names[1], to=None, contractAddress=f"0x{number:040x}"),
    ]
    parent = f"0x{(number - 1) % 2**256:064x}"
    time = {} if seconds is None else {"timestamp": hex(seconds)}
    return block(transactions, number=hex(number), hash=own["blockHash"], parentHash=parent, **time), receipts


def event(kind: EventKind, number: int, seconds: int | None = None) -> Event:
    """An event about that block."""
    own, receipts = answers(number, seconds)
    sent = envelope(own)
    head = Head(number, sent.block_hash or b"", sent.parent_hash or b"", sent.block_timestamp or 0)
    if not kind.carries_block:
        return Event(kind, head)
    return Event(kind, head, Content(encoded(own), encoded(receipts), None, "node", ("header_hash",)))
