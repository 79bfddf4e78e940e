"""The aggregate worker on real Kafka: killed again and again, it says each thing once."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headwater import kafka as clients
from headwater.settings import Settings, load_settings
from schemas import codec_for
from schemas.registry import Registry, register_all
from schemas.wire import frame
from streams.agents.aggregate import build
from streams.logic.event import ChainEvent
from streams.runtime.state_topic import committed_state
from streams.stage import StageContext
from tests.builders.statistics import hash_of
from tests.fakes.stage import current
from tests.integration.waiting import until
from tests.integration.worker_process import WorkerProcess, committed, messages, written
from topics import admin
from topics.catalog import topic_name
from topics.chainlog.envelope import Envelope
from topics.chainlog.kinds import EventKind
from topics.groups import group_of

pytestmark = pytest.mark.integration
AGGREGATE = ("headwater", "work", "aggregate")
GROUP, INPUT, STATE = "aggregate", "enriched-blocks", "aggregate-state"
STATISTICS = ("chain-stats", "token-stats", "contract-stats", "incomplete-windows")
KILLS = 4
Body = tuple[Envelope, bytes]


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    made = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka, "session_timeout_ms": 6_000},
            "registry": {"url": registry_url},
        },
        environ={},
    )
    admin.apply(made)
    register_all(made)
    return made


@pytest.fixture
def workers(settings: Settings, tmp_path: Path) -> Iterator[list[WorkerProcess]]:
    started: list[WorkerProcess] = []
    yield started
    for worker in started:
        worker.kill()


def _life(chance: random.Random, count: int) -> list[Body]:
    """Blocks some seconds apart, forks, finality behind them, repairs, and content that nobody has."""
    codec = codec_for(INPUT)
    chain: list[Envelope] = []
    found: list[Body] = []
    final = -1

    def tell(envelope: Envelope, **content: object) -> None:
        record = {name: getattr(envelope, name) for name in Envelope.__slots__} | content
        found.append((envelope, codec.write(record | {"event": envelope.event.name, "verified": []})))

    def block(kind: EventKind, envelope: Envelope) -> None:
        known = chance.random() < 0.95
        tell(_as(envelope, kind, len(found)), **(_content(chance) if known else {"problem": "unreadable"}))

    while len(found) < count:
        what = chance.random()
        if what < 0.08 and len(chain) > 3 and chain[-1].block_number != final:
            for _ in range(chance.randint(1, 3)):
                if (chain[-1].block_number or 0) > final:
                    tell(_as(chain.pop(), EventKind.REVERT, len(found)))
        elif what < 0.2 and len(chain) > 6 and (chain[-5].block_number or 0) > final:
            final = chain[-5].block_number or 0
            tell(_as(chain[-5], EventKind.FINALIZED, len(found)))
        elif what < 0.24 and chain:
            block(EventKind.REPAIR, chance.choice(chain))
        else:
            number = len(chain)
            time = (chain[-1].block_timestamp or 0) if chain else 1_700_000_000_000
            parent = chain[-1].block_hash if chain else hash_of("root")
            own = hash_of(f"{number} {len(found)}")
            time += chance.choice((1, 2, 12, 40, 700)) * 1_000
            chain.append(_envelope(number, own, parent or b"", time))
            block(EventKind.APPLY, chain[-1])
    return found


def _envelope(number: int, own: bytes, parent: bytes, time: int) -> Envelope:
    return Envelope(
        EventKind.APPLY, 1, 0, 0, number, own, parent, time, 1, None, (), fresh=False, part=0, parts=1
    )


def _as(envelope: Envelope, kind: EventKind, place: int) -> Envelope:
    return replace(envelope, event=kind, sequence=1_000 + place)


def _content(chance: random.Random) -> dict[str, object]:
    hash_ = hash_of("any")
    fixed = ("parent_hash", "sha3_uncles", "transactions_root", "state_root", "receipts_root")
    header = {
        **dict.fromkeys(fixed, hash_),
        **{"miner": bytes(20), "difficulty": "0", "extra_data": b"", "gas_limit": 1, "uncles": []},
        **{"gas_used": chance.randrange(10**6), "transaction_count": 0},
        **{"base_fee_per_gas": str(chance.randrange(10**10))},
    }
    where = {"transaction_hash": hash_, "transaction_index": 0}
    addresses = [bytes([chance.randrange(5)]) * 20 for _ in range(chance.randrange(6))]
    logs = [
        {"log_index": n, **where, "address": each, "topics": [], "data": b""}
        for n, each in enumerate(addresses)
    ]
    moved = {"token_standard": "ERC20", "operator": None, "from_address": bytes(20), "to_address": b"a" * 20}
    transfers = [
        {"log_index": n, "batch_index": 0, **where, **moved, "token_address": each, "token_id": None}
        | {"value": str(chance.randrange(2**256)), "amount": None}
        for n, each in enumerate(addresses[:3])
    ]
    return {"header": header, "logs": logs, "transfers": transfers}


def _undisturbed(settings: Settings, life: list[Body]) -> Counter[tuple[str, bytes, bytes | None]]:
    """What a stage says that lives through all of it: (stream, key, body)."""
    context = StageContext(settings, group_of(GROUP), lambda _: frame(1), current)
    stage = build(context)
    stage.restore({})
    published: Counter[tuple[str, bytes, bytes | None]] = Counter()
    for place, (envelope, body) in enumerate(life):
        outcome = stage.handle(ChainEvent(envelope, (frame(1) + body,), INPUT, 0, (place,)))
        for each in outcome.public:
            published.update(
                (each.stream, key, (value or b"")[5:])
                for key, value in zip(each.keys, each.values, strict=True)
            )
    return published


def test_each_snapshot_is_said_once_whatever_is_killed(
    settings: Settings, workers: list[WorkerProcess], tmp_path: Path
) -> None:
    chance = random.Random(11)
    life = _life(chance, 300)
    producer, head = clients.producer(settings), frame(Registry(settings).id_for(INPUT))

    def start() -> WorkerProcess:
        workers.append(WorkerProcess(settings, AGGREGATE, tmp_path / f"{len(workers)}.log"))
        return workers[-1]

    def feed(some: list[Body]) -> None:
        for envelope, body in some:
            headers = [("sequence", b"%d" % envelope.sequence), ("chain-id", b"1")]
            producer.produce(topic_name(settings, INPUT), head + body, b"1", headers=headers)  # type: ignore[arg-type]
        assert producer.flush(30) == 0

    step = len(life) // (KILLS + 1)
    for kill in range(KILLS):
        worker = start()
        before = written(settings, STATE)
        feed(life[kill * step : (kill + 1) * step])
        some = chance.randint(1, step // 2)
        until(lambda before=before, some=some: written(settings, STATE) > before + some, "state is kept")  # type: ignore[misc]
        worker.kill()
    feed(life[KILLS * step :])
    worker = start()
    until(lambda: committed(settings, GROUP, INPUT) == len(life), "everything is acknowledged")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0, worker.logged()

    published: Counter[tuple[str, bytes, bytes | None]] = Counter()
    for stream in STATISTICS:
        published.update(
            (stream, each.key or b"", (each.value or b"")[5:]) for each in messages(settings, stream)
        )
    assert published == _undisturbed(settings, life)
    assert {stream for stream, _, _ in published} == set(STATISTICS)
    kept = committed_state(settings, STATE)
    assert len([key for key in kept if key.startswith(b"block:")]) < 100
