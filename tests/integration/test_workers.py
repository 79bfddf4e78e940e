"""Workers on real Kafka: poison, death at random moments, and a worker that was paused and woke."""

from __future__ import annotations

import random
import signal
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import KafkaException, TopicPartition

from headwater import kafka as clients
from headwater.settings import Settings, load_settings
from schemas import codec_for
from schemas.registry import Registry, register_all
from schemas.wire import frame
from streams.logic.state.facts import Fact
from tests.builders.stage_events import envelope, value_of
from tests.builders.state_chains import Block, fact, replay
from tests.integration.echo_stage import POISON
from tests.integration.worker_process import (
    ECHO,
    STATE,
    WorkerProcess,
    committed,
    members,
    messages,
    until,
    written,
)
from topics import admin
from topics.catalog import app_id, topic_name
from topics.chainlog.envelope import read_envelope
from topics.chainlog.kinds import EventKind

Start = Callable[[tuple[str, ...]], WorkerProcess]
SESSION_MS = 6_000


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    """Kafka and the registry are all that workers need."""
    made = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka, "session_timeout_ms": SESSION_MS},
            "registry": {"url": registry_url},
        },
        environ={},
    )
    admin.apply(made)
    return made


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Start]:
    """Start a worker by its module and arguments."""
    started: list[WorkerProcess] = []

    def launch(module: tuple[str, ...]) -> WorkerProcess:
        worker = WorkerProcess(settings, module, tmp_path / f"worker-{len(started)}.log")
        started.append(worker)
        return worker

    yield launch
    for worker in started:
        worker.kill()


@pytest.fixture
def start_as(tmp_path: Path) -> Iterator[Callable[[Settings], WorkerProcess]]:
    """Start a worker of states with settings of its own."""
    started: list[WorkerProcess] = []

    def launch(settings: Settings) -> WorkerProcess:
        started.append(WorkerProcess(settings, STATE, tmp_path / f"state-{len(started)}.log"))
        return started[-1]

    yield launch
    for worker in started:
        worker.kill()


class Feed:
    """Writes an internal topic as the stage before would."""

    def __init__(self, settings: Settings, stream: str) -> None:
        self._topic = topic_name(settings, stream)
        self._producer = clients.producer(settings)
        register_all(settings)
        self._frame = frame(Registry(settings).id_for(stream))

    def write(self, body: bytes, sequence: int | None = None) -> None:
        headers: Any = [] if sequence is None else [("sequence", b"%d" % sequence), ("chain-id", b"1")]
        self._producer.produce(self._topic, self._frame + body, b"1", headers=headers)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0


def _blocks(settings: Settings, first: int, last: int) -> None:
    feed = Feed(settings, "normalized-blocks")
    for number in range(first, last + 1):
        feed.write(value_of(envelope(1_000 + number, number=number), "normalized-blocks")[5:], 1_000 + number)
    feed.flush()


def _accepted(settings: Settings) -> list[int]:
    """What a reader that follows the rules takes from enriched-blocks."""
    accepted: list[int] = []
    for message in messages(settings, "enriched-blocks"):
        sequence = read_envelope(message.value or b"", "enriched-blocks").sequence
        if not accepted or sequence == accepted[-1] + 1:
            accepted.append(sequence)
        assert sequence <= accepted[-1], f"a hole before {sequence}"
    return accepted


def test_poison_goes_to_the_dead_letters_and_the_stream_goes_on(settings: Settings, start: Start) -> None:
    worker = start(ECHO)
    _blocks(settings, 1, POISON + 1)
    feed = Feed(settings, "normalized-blocks")
    feed.write(b"\xff\xff no event of this chain")
    feed.flush()
    _blocks(settings, POISON + 2, 20)
    until(lambda: committed(settings, "enrich", "normalized-blocks") == 21, "everything is acknowledged")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0, worker.logged()

    assert _accepted(settings) == [1_000 + number for number in range(1, 21)]
    letters = messages(settings, "dead-letters")
    originals = messages(settings, "normalized-blocks")
    assert [letter.value for letter in letters] == [originals[POISON - 1].value, originals[POISON + 1].value]
    for letter, offset in zip(letters, (POISON - 1, POISON + 1), strict=True):
        headers = dict(letter.headers)
        assert letter.key == b"1"
        assert headers["__connect.errors.topic"].decode() == topic_name(settings, "normalized-blocks")
        assert headers["__connect.errors.offset"] == b"%d" % offset
        assert headers["__connect.errors.stage"] == b"enrich"
    public = [message.value or b"" for message in messages(settings, "transactions")]
    assert sorted(public).count(b"placeholder %d" % (1_000 + POISON)) == 1
    assert len(public) == 20
    # The coverage speaks of where the block's messages landed.
    ends = {m.key: f"{m.partition}:{m.offset + 1}" for m in messages(settings, "transactions")}
    for message in messages(settings, "coverage"):
        assert (message.value or b"").decode() == ends[message.key]


def test_who_has_the_partition_and_who_has_none_are_ready_and_say_which(
    settings: Settings, start_as: Callable[[Settings], WorkerProcess], tmp_path: Path
) -> None:
    ports = [tmp_path / "first.port", tmp_path / "second.port"]
    for port in ports:
        start_as(settings.model_copy(update={"metrics_port_file": port}))
    idle, standing_by = "partition 0, no event so far", "standing by without a partition"
    until(
        lambda: sorted(_assignment(port) for port in ports) == [(True, idle), (True, standing_by)],
        "one has the partition, one stands by",
    )
    _feed(settings, _life(random.Random(3), 20))
    until(
        lambda: sorted(_assignment(port) for port in ports) == [(True, "partition 0"), (True, standing_by)],
        "it is taken over",
    )
    assert all(_asked(port, "healthz")[0] == 200 for port in ports)
    loops = [set(_asked(port, "healthz")[1]) - {"stage"} for port in ports]
    assert loops == 2 * [{"process", "event loop", "consumer"}]


def _asked(port_file: Path, path: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """A worker's answer, 0 before it gives any."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port_file.read_text()}/{path}", timeout=5) as answer:
            return answer.status, orjson.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, orjson.loads(error.read())
    except OSError:
        return 0, {}


def _assignment(port_file: Path) -> tuple[bool, str]:
    found = _asked(port_file, "readyz")[1].get("assignment", {"ok": False, "detail": ""})
    return found["ok"], found["detail"]


def test_at_a_hole_in_the_sequence_the_worker_goes_no_further_and_says_so(
    settings: Settings, start: Start
) -> None:
    _blocks(settings, 1, 3)
    _blocks(settings, 5, 6)
    worker = start(ECHO)
    until(
        lambda: "sequence 1004 is missing, also from the topic itself" in worker.logged(), "it says what is"
    )
    assert worker.alive
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0, worker.logged()
    assert _accepted(settings) == [1_001, 1_002, 1_003]


def test_a_lost_position_is_read_again_without_a_hole(settings: Settings, start: Start) -> None:
    """Offsets that someone moved forward look like a gap: the worker reads the topic itself."""
    _blocks(settings, 1, 5)
    worker = start(ECHO)
    until(lambda: committed(settings, "enrich", "normalized-blocks") == 5, "five are done")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0
    _blocks(settings, 6, 12)
    _move(settings, 9)
    worker = start(ECHO)
    until(lambda: len(_accepted(settings)) == 12, "all are there")
    assert "gap in the sequence" in worker.logged()


def test_a_group_that_remembers_nothing_begins_with_the_oldest_message(
    settings: Settings, start: Start
) -> None:
    """Faust commits what it never gave to anybody when a second member comes before all else."""
    _blocks(settings, 1, 20)
    _move(settings, 14)
    worker = start(ECHO)
    until(lambda: committed(settings, "enrich", "normalized-blocks") == 20, "everything is acknowledged")
    assert worker.alive, worker.logged()
    assert _accepted(settings) == [1_000 + number for number in range(1, 21)]


def test_members_come_and_go_in_the_middle_of_work(settings: Settings, start: Start) -> None:
    """Rebalances give the partition away and back; nothing is lost, and no reader sees a hole."""
    _blocks(settings, 1, 150)
    first = start(ECHO)
    until(lambda: written(settings, "transactions") > 20, "it is at work")
    second = start(ECHO)
    until(lambda: members(settings, "enrich") == 2, "both are members")
    _blocks(settings, 151, 250)
    second.signal(signal.SIGTERM)
    assert second.exit_code() == 0, second.logged()
    _blocks(settings, 251, 300)
    until(lambda: committed(settings, "enrich", "normalized-blocks") == 300, "everything is acknowledged")
    assert first.alive, first.logged()
    first.signal(signal.SIGTERM)
    assert first.exit_code() == 0, first.logged()
    assert _accepted(settings) == [1_000 + number for number in range(1, 301)]
    assert {message.key for message in messages(settings, "transactions")} == {
        b"%d" % number for number in range(1, 301)
    }


def _move(settings: Settings, offset: int) -> None:
    place = TopicPartition(topic_name(settings, "normalized-blocks"), 0, offset)
    client = clients.consumer(settings, app_id(settings, "enrich"))

    def moved() -> bool:
        try:
            client.commit(offsets=[place], asynchronous=False)
        except KafkaException:
            return False  # the static member that just left still counts
        return True

    until(moved, "the group is empty", SESSION_MS / 1000 + 20)
    client.close()


# --- state -------------------------------------------------------------------------------------


def _life(chance: random.Random, events: int) -> list[Fact]:
    """A chain with forks in which transactions come back; safe and finalized follow."""
    chain: list[Block] = []
    facts = [fact(EventKind.CLAIM, 1, None)]
    made = 0
    final = -1

    def say(kind: EventKind, block: Block) -> None:
        facts.append(fact(kind, len(facts) + 1, block))

    while len(facts) < events:
        made += 1
        used = {n for block in chain for n in block.transactions}
        picked = tuple(n for n in chance.sample(range(made * 3 + 10), 6) if n not in used)
        chain.append(Block(len(chain), f"{len(chain)}/{made}", picked))
        say(EventKind.APPLY, chain[-1])
        if chance.random() < 0.15:
            for _ in range(min(chance.randint(1, 3), len(chain) - 1 - final)):
                say(EventKind.REVERT, chain.pop())
        elif chance.random() < 0.3 and len(chain) > 6:
            say(EventKind.SAFE, chain[-4])
            final = max(final, len(chain) - 6)
            say(EventKind.FINALIZED, chain[final])
    return facts


def _enriched(each: Fact) -> bytes:
    bodies = [
        {
            "hash": name,
            "transaction_index": place,
            "from_address": bytes(20),
            "nonce": place,
            "value": "0",
            "gas": 21_000,
            "input": b"",
            "transaction_type": 2,
            "receipt_cumulative_gas_used": 21_000,
            "receipt_gas_used": 21_000,
            "receipt_status": 1,
            "receipt_effective_gas_price": "7",
            "receipt_log_count": 0,
        }
        for place, name in enumerate([] if each.content is None else each.content.hashes())
    ]
    return codec_for("enriched-blocks").write(
        {
            "event": EventKind(each.kind).name,
            "chain_id": 1,
            "sequence": each.sequence,
            "claim": 0,
            "block_number": each.number,
            "block_hash": each.hash,
            "block_timestamp": each.timestamp,
            "observed_at": each.observed_at,
            "fresh": False,
            "part": 0,
            "parts": 1,
            "transactions": bodies,
        }
    )


def _states(settings: Settings) -> dict[bytes, Any]:
    """The last message of each transaction; on the way, that equal versions say equal things."""
    read: Any = codec_for("transaction-states").read
    states: dict[bytes, dict[int, bytes]] = defaultdict(dict)
    last: dict[bytes, Any] = {}
    for message in messages(settings, "transaction-states"):
        value = message.value or b""
        row = read(value, 5)
        versions = states[row["hash"]]
        assert versions.setdefault(row["version"], value) == value
        last[row["hash"]] = row
    for name, row in last.items():
        assert row["version"] == max(states[name]), "the topic ends on a stale value"
    return last


def _check_states(settings: Settings, facts: list[Fact]) -> None:
    expected = replay(facts)
    found = _states(settings)
    # Not previous_state: orphans that are long final are forgotten.
    assert {name: (row["state"], row["sequence"], row["block_hash"]) for name, row in found.items()} == {
        name: (state.state, state.sequence, state.block) for name, state in expected.items()
    }


def _feed(settings: Settings, facts: list[Fact]) -> None:
    feed = Feed(settings, "enriched-blocks")
    for each in facts:
        feed.write(_enriched(each), each.sequence)
    feed.flush()


def test_states_survive_kills_at_random_moments(settings: Settings, start: Start) -> None:
    chance = random.Random(20)
    facts = _life(chance, 700)
    done = 0
    for fed in (75, 150, 225, 300):
        _feed(settings, facts[fed - 75 : fed])
        worker = start(STATE)
        target = done + chance.randint(1, 60)

        def some(target: int = target, fed: int = fed) -> bool:
            # A worker may be through with all that there is before it is looked at.
            told = written(settings, "transaction-states")
            return told > target or committed(settings, "state", "enriched-blocks") == fed

        until(some, "some states")
        worker.kill()
        done = written(settings, "transaction-states")
    _feed(settings, facts[300:])
    worker = start(STATE)
    until(lambda: committed(settings, "state", "enriched-blocks") == len(facts), "everything is acknowledged")
    worker.signal(signal.SIGTERM)
    assert worker.exit_code() == 0, worker.logged()
    _check_states(settings, facts)


@pytest.mark.parametrize("module", [ECHO, STATE], ids=["public and internal", "table"])
def test_a_worker_that_was_paused_changes_nothing(
    settings: Settings, start: Start, module: tuple[str, ...]
) -> None:
    facts = _life(random.Random(7), 400)
    if module is STATE:
        group, source, sink = "state", "enriched-blocks", "transaction-states"
        _feed(settings, facts)
        count = len(facts)
    else:
        group, source, sink = "enrich", "normalized-blocks", "transactions"
        count = 300
        _blocks(settings, 1, count)
    paused = start(module)
    until(lambda: written(settings, sink) > 20, "it is at work")
    paused.signal(signal.SIGSTOP)
    behind = committed(settings, group, source)
    assert behind < count
    successor = start(module)
    until(lambda: committed(settings, group, source) == count, "the successor finished")
    before = messages(settings, sink)
    paused.signal(signal.SIGCONT)
    # It finds itself fenced and ends, so that its supervisor starts it again, or it joins and stands by.
    until(lambda: not paused.alive or members(settings, group) == 2, "the paused one came to itself", 30)
    assert successor.alive
    successor.signal(signal.SIGTERM)
    assert successor.exit_code() == 0
    assert messages(settings, sink) == before
    if module is STATE:
        _check_states(settings, facts)
    else:
        assert _accepted(settings) == [1_000 + number for number in range(1, count + 1)]
