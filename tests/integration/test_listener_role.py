"""`headwater listen` as a process, on a real chain that forks and a real Kafka."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.evm.log.kafka_store import KafkaStore
from headwater.settings import Settings, environment, load_settings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node import faults as f
from tests.fakes.listening import accepted, canonical, hashes, stored
from tests.integration.listener_process import HEADWATER, SECONDS, Role, ask, follows
from tests.integration.repair_topics import make_topics
from tests.integration.waiting import until
from topics.catalog import topic_name
from topics.chainlog.kinds import EventKind

ONE_BLOCK = 0.05
SESSION_MS = 2_000
STANDBY = {
    "HEADWATER_CHAIN__STANDBY": "true",
    "HEADWATER_KAFKA__SESSION_TIMEOUT_MS": str(SESSION_MS),
}


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    """Kafka and registry with the listener's own topics; no node yet."""
    settings = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path),
            "log_format": "json",
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
            "chain": {"start": "earliest", "poll_seconds": ONE_BLOCK},
        },
        environ={},
    )
    make_topics(settings, "raw-blocks", "raw-links", "heads", "repair-requests", "repairs")
    return settings


@pytest.fixture
def log(settings: Settings) -> Iterator[KafkaStore]:
    """The listener's topic, for reading."""
    store = KafkaStore(settings, topic_name(settings, "raw-blocks"), "31337")
    yield store
    store.close()


@pytest.fixture
def listen(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Role]]:
    """Start a listener: `listen("name", rpc, *flags)`."""
    roles: list[Role] = []

    def start(name: str, rpc: str, *flags: str, **more: str) -> Role:
        roles.append(Role(settings, rpc, tmp_path / f"{name}.log", *flags, **more))
        return roles[-1]

    yield start
    for role in roles:
        if role.process.poll() is None:
            role.process.send_signal(signal.SIGCONT)
            role.process.kill()
            role.process.wait(SECONDS)
        sys.stderr.write(f"{role.path.name}: {role.path.read_text()[-4000:]}\n")  # shown when a test fails


def test_forks_of_a_real_chain_and_a_stop(
    make_chain: Callable[..., str], listen: Callable[..., Role], log: KafkaStore
) -> None:
    rpc = make_chain(block_seconds=0)
    ask(rpc, "anvil_mine", hex(20))
    role = listen("first", rpc)
    until(follows(log, rpc), "the first twenty blocks")
    for depth in (1, 3, 8, 2):
        ask(rpc, "anvil_reorg", depth, [])
        ask(rpc, "anvil_mine", hex(depth % 3))
        until(follows(log, rpc), f"a fork of {depth}")
    code, seconds = role.stop()
    assert (code, seconds < 10) == (0, True)
    ask(rpc, "anvil_reorg", 4, [])
    again = listen("again", rpc)
    until(follows(log, rpc), "a fork while nobody listened")
    events = accepted(log)
    assert [each.position.sequence for each in events] == list(
        range(events[0].position.sequence, events[0].position.sequence + len(events))
    )
    assert {each.kind for each in events} == {
        kind for kind in EventKind if kind is not EventKind.UNKNOWN and not kind.repairs
    }
    assert again.stop()[0] == 0


def test_an_event_follows_its_block_well_within_a_second(
    make_chain: Callable[..., str], listen: Callable[..., Role], log: KafkaStore
) -> None:
    rpc = make_chain(block_seconds=0)
    listen("only", rpc)
    until(follows(log, rpc), "the first block")
    delays: list[int] = []
    for _ in range(5):
        mined = time.time_ns() // 1_000_000
        ask(rpc, "evm_mine")
        until(follows(log, rpc), "the new block")
        last = [each for each in stored(log) if each.kind is EventKind.APPLY][-1]
        delays.append(last.observed_at - mined)
    assert sorted(delays)[2] < 1_000


def test_what_a_node_tells_of_is_looked_at_without_a_poll(
    make_chain: Callable[..., str], listen: Callable[..., Role], log: KafkaStore
) -> None:
    rpc = make_chain(block_seconds=0)
    role = listen(
        "only",
        rpc,
        HEADWATER_CHAIN__POLL_SECONDS="3600",
        HEADWATER_CHAIN__WS=rpc.replace("http", "ws", 1),
    )
    role.wait_for("told of new heads from now on")
    for number in range(1, 4):
        ask(rpc, "evm_mine")
        until(follows(log, rpc), f"block {number}, which only the node tells of")
    code, seconds = role.stop()
    assert (code, seconds < 10) == (0, True)


def test_a_paused_replaced_and_woken_listener_changes_nothing(
    make_chain: Callable[..., str], listen: Callable[..., Role], log: KafkaStore
) -> None:
    rpc = make_chain(block_seconds=0)
    ask(rpc, "anvil_mine", hex(5))
    paused = listen("paused", rpc)
    until(follows(log, rpc), "the first blocks")
    paused.process.send_signal(signal.SIGSTOP)
    ask(rpc, "anvil_mine", hex(2))
    replacement = listen("replacement", rpc)
    until(follows(log, rpc), "the replacement")
    paused.process.send_signal(signal.SIGCONT)
    ask(rpc, "anvil_reorg", 3, [])
    ask(rpc, "anvil_mine", hex(2))
    assert paused.process.wait(SECONDS) == 1
    assert "another listener (replacement) took the chain over" in paused.path.read_text()
    until(follows(log, rpc), "the fork")
    assert replacement.process.poll() is None
    # Started again, as its supervisor would, it takes the chain over and goes on.
    third = listen("third", rpc)
    third.wait_for("chain claimed")
    ask(rpc, "anvil_mine", hex(1))
    assert replacement.process.wait(SECONDS) == 1
    until(follows(log, rpc), "the block after")
    assert third.stop()[0] == 0


class Standing:
    """Two listeners at a time of which one leads; `blow` hits that one."""

    def __init__(self, listen: Callable[..., Role], rpc: str, log: KafkaStore) -> None:
        self._listen, self._rpc, self._log = listen, rpc, log
        self.seconds: list[float] = []
        self.roles: dict[str, Role] = {}
        self._started = 0
        for _ in range(2):
            self._start()
        until(follows(log, rpc), "the first blocks")

    @property
    def leader(self) -> str:
        return [each.source for each in stored(self._log) if each.kind is EventKind.CLAIM][-1]

    def blow(self, by: signal.Signals, fork: int) -> None:
        """The leader is hit, the chain forks, and the other one follows it, well before `until` gives up."""
        name, began = self.leader, time.monotonic()
        hit = self.roles.pop(name)
        hit.process.send_signal(by)
        ask(self._rpc, "anvil_reorg", fork, [])
        ask(self._rpc, "anvil_mine", hex(1))
        until(follows(self._log, self._rpc), f"a fork of {fork} after {by.name} of {name}")
        self.seconds.append(time.monotonic() - began)
        assert self.leader != name
        if by is signal.SIGSTOP:
            hit.process.send_signal(signal.SIGCONT)
            self.roles[name] = hit
            hit.wait_for(r"(?s)\"leads\".*\"stands by\"[^\n]*\n*$")
        else:
            hit.process.wait(SECONDS)
            self._start()

    def _start(self) -> None:
        self._started += 1
        name = f"listener-{self._started}"
        role = self._listen(name, self._rpc, **STANDBY)
        self.roles[name] = role
        role.wait_for("stands by")


@pytest.mark.parametrize("blows", [5, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(1_200)])])
def test_one_stands_by_and_takes_over_from_the_one_that_is_killed_paused_or_stopped(
    blows: int, make_chain: Callable[..., str], listen: Callable[..., Role], log: KafkaStore
) -> None:
    rpc = make_chain(block_seconds=0)
    ask(rpc, "anvil_mine", hex(12))
    standing, chance = Standing(listen, rpc, log), random.Random(blows)
    ways = [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM]
    for number in range(blows):
        standing.blow(ways[number % len(ways)], chance.randint(1, 8))
    events = accepted(log)
    first = events[0].position.sequence
    assert [each.position.sequence for each in events] == [*range(first, first + len(events))]
    # Nobody is taken for dead who is not, and who was fenced goes on as the one that stands by.
    assert all(role.process.poll() is None for role in standing.roles.values())
    sys.stderr.write(
        f"taken over and caught up after {sorted(standing.seconds)} s, a session being {SESSION_MS} ms\n"
    )


def test_a_fork_below_finality_is_not_followed_until_an_operator_accepts(
    listen: Callable[..., Role], log: KafkaStore
) -> None:
    chain = AdjustableChain.synthetic(20, first=0, keeps_orphans=True)
    node = RecordedNode(chain, safe_lag=2, finalized_lag=4)
    with node.serve_in_thread():
        role = listen("first", node.url)
        until(lambda: hashes(log) == chain.hashes, "the chain")
        until(lambda: accepted(log)[-1].kind is EventKind.FINALIZED, "finality")
        chain.fork(9)
        # It ends when that has lasted; who reads the line may decide sooner.
        found = role.wait_for(r"forks below the finalized block 15 .*--accept-fork (0x[0-9a-f]{64})")
        assert role.stop()[0] == 0
        accepting = listen("accepting", node.url, "--accept-fork", found.group(1))
        until(lambda: hashes(log) == chain.hashes, "the accepted fork")
        assert accepting.stop()[0] == 0


def test_bad_answers_over_http_are_named_and_survived(listen: Callable[..., Role], log: KafkaStore) -> None:
    chain = AdjustableChain.synthetic(12, first=0)
    node = RecordedNode(chain)
    bad: list[f.Fault] = [
        f.HTML,
        f.Cut(),
        f.Status(502),
        f.too_many_requests(0.1),
        f.Disconnect(),
        f.NullResult(),
        f.Silence(5),
        f.Result("0x9"),
    ]
    for fault in bad:
        node.faults.add(fault, "eth_chainId" if fault == f.Result("0x9") else "eth_getBlockReceipts")
    with node.serve_in_thread():
        role = listen(
            "only",
            node.url,
            HEADWATER_CHAIN__REQUEST_TIMEOUT_SECONDS="0.5",
            HEADWATER_CHAIN__CHAIN_ID="31337",
        )
        until(lambda: hashes(log) == chain.hashes, "the chain")
        until(lambda: not len(node.faults), "all faults taken")
        code, seconds = role.stop()
    logged = role.path.read_text()
    for words in (
        "HTML",
        "broken JSON",
        "HTTP 502",
        "HTTP 429",
        "connection failed",
        "null",
        "no answer in time",
    ):
        assert words in logged
    assert "is on chain 9, not 31337" in logged
    assert (code, seconds < 10) == (0, True)
    assert canonical(log)[-1].number == 11


def test_a_missing_node_is_one_clear_line(settings: Settings, tmp_path: Path) -> None:
    env = environment(settings)
    done = subprocess.run(
        [HEADWATER, "listen"], env=env, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "headwater: no node to listen to; give --rpc URL or set HEADWATER_CHAIN__RPC"
    )
