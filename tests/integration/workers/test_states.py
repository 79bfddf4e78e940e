"""Workers of transaction states on real Kafka: killed, paused, standing by."""

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

from headwater.settings import Settings
from schemas import codec_for
from streams.logic.state.facts import Fact
from tests.builders.state_chains import Block, fact, replay
from tests.integration.waiting import until
from tests.integration.worker_process import STATE, WorkerProcess, committed, messages, written
from tests.integration.workers.feed import Feed, Start
from tests.integration.workers.paused import wakes
from topics.chainlog.kinds import EventKind


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


def test_a_worker_that_was_paused_changes_nothing(settings: Settings, start: Start) -> None:
    facts = _life(random.Random(7), 400)
    _feed(settings, facts)
    wakes(settings, start, STATE, "state", "enriched-blocks", "transaction-states", len(facts))
    _check_states(settings, facts)
