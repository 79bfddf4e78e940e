"""`headwater listen` as a process, on a real chain that forks and a real Kafka."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.evm.log.kafka_store import KafkaStore
from headwater.settings import Settings, environment, load_settings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.node import faults as f
from tests.fakes.listening import accepted, canonical, hashes, stored
from tests.integration.repair_topics import make_topics
from topics.catalog import topic_name
from topics.chainlog.kinds import EventKind

HEADWATER = str(Path(sys.executable).with_name("headwater"))
SECONDS = 30.0
ONE_BLOCK = 0.05


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
    make_topics(settings, "raw-blocks", "heads", "repair-requests", "repairs")
    return settings


@pytest.fixture
def log(settings: Settings) -> Iterator[KafkaStore]:
    """The listener's topic, for reading."""
    store = KafkaStore(settings, topic_name(settings, "raw-blocks"), "31337")
    yield store
    store.close()


class Role:
    """A listener process; its log lines are in a file."""

    def __init__(self, settings: Settings, rpc: str, path: Path, *flags: str, **more: str) -> None:
        self.path = path
        env = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        env |= environment(settings) | more | {"HEADWATER_CLIENT_ID": path.stem}
        with path.open("wb") as lines:
            self.process = subprocess.Popen(
                [HEADWATER, "listen", "--rpc", rpc, *flags], env=env, stderr=lines
            )

    def wait_for(self, words: str) -> re.Match[str]:
        """Wait until its log says something."""
        found: list[re.Match[str]] = []

        def has_logged() -> bool:
            found.extend(re.finditer(words, self.path.read_text()))
            return bool(found) or self.process.poll() is not None

        until(has_logged, f"{words!r} in {self.path.read_text()[-2000:]}")
        assert found, self.path.read_text()[-2000:]
        return found[0]

    def stop(self) -> tuple[int, float]:
        """SIGTERM; exit code and seconds it took."""
        start = time.monotonic()
        self.process.terminate()
        return self.process.wait(SECONDS), time.monotonic() - start


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


def until(fact: Callable[[], bool], what: str) -> None:
    """Wait for a fact of another process; fails with `what`."""
    deadline = time.monotonic() + SECONDS
    while not fact():
        assert time.monotonic() < deadline, f"not in {SECONDS:.0f} s: {what}"
        time.sleep(0.02)


def ask(rpc: str, method: str, *params: object) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(rpc, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)["result"]


def chain_of(rpc: str) -> list[str]:
    """Hashes of the node's canonical chain, from block 0."""
    head = int(str(ask(rpc, "eth_blockNumber")), 16)
    blocks = [ask(rpc, "eth_getBlockByNumber", hex(number), False) for number in range(head + 1)]
    return [str(block["hash"]) for block in blocks if isinstance(block, dict)]


def follows(log: KafkaStore, rpc: str) -> Callable[[], bool]:
    return lambda: hashes(log) == chain_of(rpc)


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


def test_a_fork_below_finality_stops_it_until_an_operator_accepts(
    listen: Callable[..., Role], log: KafkaStore
) -> None:
    chain = AdjustableChain.synthetic(20, first=0, keeps_orphans=True)
    node = RecordedNode(chain, safe_lag=2, finalized_lag=4)
    with node.serve_in_thread():
        role = listen("first", node.url)
        until(lambda: hashes(log) == chain.hashes, "the chain")
        until(lambda: accepted(log)[-1].kind is EventKind.FINALIZED, "finality")
        chain.fork(9)
        assert role.process.wait(SECONDS) == 1
        alarm = role.path.read_text()
        assert "forks below the finalized block 15" in alarm
        found = re.search(r"--accept-fork (0x[0-9a-f]{64})", alarm)
        assert found is not None
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
