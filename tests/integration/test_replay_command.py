"""`headwater replay` and `headwater verify --repair` as an operator runs them, on the real stack.

What a listener answers is written by the tests: these are about what is asked, and what an operator sees.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.clickhouse.client import connect
from connectors.clickhouse.migrations.runner import migrate
from headwater import kafka as clients
from headwater.errors import Permanent
from headwater.settings import Settings, environment, load_settings
from schemas import codec_for, frame
from schemas.registry import Registry, register_all
from tests.builders.chain_answers import CHAIN_ID
from tests.builders.stage_events import value_of
from tests.integration import sink_chain
from tests.integration.command_process import CommandProcess
from tests.integration.line import HEADWATER, rpc
from tests.integration.raw_log import FIRST, Log, block_event, publish
from tests.integration.waiting import until
from tests.integration.worker_process import WorkerProcess, committed, messages, written
from topics import admin
from topics.catalog import topic_name
from topics.chainlog.headers import headers_of
from topics.chainlog.kinds import EventKind
from topics.dead_letters import error_headers

REPAIRED = FIRST + 900
UNDECIDED = {"decided_at": 1, "source": None, "sequence": None, "problem": None, "removed": False}


class Operator:
    """Runs commands with the settings of a test."""

    def __init__(self, settings: Settings, folder: Path, **more: str) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        self._environment = own | environment(settings) | {"COLUMNS": "300"} | more
        self._folder = folder

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [HEADWATER, *words],
            capture_output=True,
            text=True,
            env=self._environment,
            cwd=self._folder,
            timeout=120,
            check=False,
        )

    def json(self, *words: str, code: int) -> dict[str, Any]:
        """What it prints for scripts; asserts the exit code."""
        done = self.run(*words, "--json")
        assert done.returncode == code, f"{done.returncode}: {done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def settings(kafka: str, registry_url: str, topic_prefix: str, tmp_path: Path) -> Settings:
    """Kafka and the registry are all that a replay needs."""
    return load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
        },
        environ={},
    )


@pytest.fixture
def operator(settings: Settings, tmp_path: Path) -> Operator:
    return Operator(settings, tmp_path)


def put(settings: Settings, stream: str, value: bytes, headers: Any = ()) -> None:
    producer = clients.producer(settings)
    producer.produce(topic_name(settings, stream), value, str(CHAIN_ID), headers=list(headers))
    assert producer.flush(30) == 0


def letters(settings: Settings, logs: Path) -> None:
    """Two letters of normalize about a block and its removal, one about no event, one of the sink."""
    admin.apply(settings)
    register_all(settings)
    publish(Log(settings))
    put(settings, "raw-blocks", b"nobody knows what this is")
    worker = WorkerProcess(settings, ("headwater", "work", "normalize"), logs / "normalize.log")
    try:
        end = written(settings, "raw-blocks")
        until(lambda: committed(settings, "normalize", "raw-blocks") == end, "normalize is done")
        worker.signal(signal.SIGTERM)
        assert worker.exit_code() == 0, worker.logged()
    finally:
        worker.kill()
    assert written(settings, "dead-letters") == 3
    error = Permanent("column refused", remedy="look at the migration")
    place = error_headers(topic_name(settings, "logs"), 3, 17, "sink", error)
    put(
        settings,
        "dead-letters",
        b"\x00\x00",
        (*headers_of(block_event(42, FIRST + 1, claim=1), "logs"), *place),
    )


def requests(settings: Settings) -> list[dict[str, Any]]:
    codec = codec_for("repair-requests")
    return [codec.read(each.value or b"", 5) for each in messages(settings, "repair-requests")]


@contextmanager
def listener(settings: Settings, decide: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Iterator[None]:
    """Answers requests as `decide` says, until the block ends."""
    head = frame(Registry(settings).id_for("repairs"))
    stop = threading.Event()

    def answer() -> None:
        answered = len(requests(settings))
        while not stop.wait(0.1):
            for request in requests(settings)[answered:]:
                record = dict(request) | UNDECIDED | decide(request)
                put(settings, "repairs", head + codec_for("repairs").write(record))
                answered += 1

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def decide(request: Mapping[str, Any]) -> dict[str, Any]:
    if request["block_number"] == 44:
        return {"outcome": "PUBLISHED", "sequence": REPAIRED, "removed": True, "source": "raw-blocks"}
    return {"outcome": "REFUSED", "problem": "no node has it; add one that keeps history"}


def became(found: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    return sorted((each["block_number"], each["stage"], each["became"]) for each in found["letters"])


def asked_for(found: Mapping[str, Any]) -> list[int]:
    return [each["block_number"] for each in found["requests"]]


def test_an_operators_way_from_letters_to_outcomes(
    settings: Settings, operator: Operator, tmp_path: Path
) -> None:
    letters(settings, tmp_path)

    # Looking changes nothing.
    found = operator.json("replay", code=2)
    assert became(found) == [(42, "sink", "OPEN"), (44, "normalize", "OPEN"), (44, "normalize", "OPEN")]
    (strange,) = found["without_block"]
    assert (strange["topic"], strange["stage"]) == (topic_name(settings, "raw-blocks"), "normalize")
    assert "find out who does" in strange["remedy"]
    assert asked_for(found) == [42, 44]
    assert found["requests"][1]["block_hash"] == f"0x{44:064x}"
    assert written(settings, "repair-requests") == 0
    table = operator.run("replay")
    assert table.returncode == 2, table.stderr
    for text in ("0 receipts for 2 transactions", "column refused", "nobody asked", "--yes asks for these"):
        assert text in table.stdout

    # Filters: each of them alone.
    for words, numbers in (
        (("--reason", "0 receipts"), [44]),
        (("--topic", "logs"), [42]),
        (("--stage", "normalize"), [44]),
        (("--since", "1h"), [42, 44]),
        (("--from", "43"), [44]),
        (("--to", "43"), [42]),
        (("--block", "42"), [42]),
        (("--block", f"0x{44:064x}"), [44]),
    ):
        assert asked_for(operator.json("replay", *words, code=2)) == numbers, words
    for words in (
        ("--until", "1h"),
        ("--since", "2100-01-01"),
        ("--stage", "state"),
        ("--reason", "nothing"),
    ):
        assert operator.json("replay", *words, code=0)["requests"] == [], words

    # Asking: one request a block, acknowledged and answered.
    with listener(settings, decide):
        found = operator.json("replay", "--yes", code=1)
    outcomes = {each["block_number"]: each["outcome"] for each in found["requests"]}
    assert (outcomes[44]["outcome"], outcomes[44]["sequence"]) == ("PUBLISHED", REPAIRED)
    assert (outcomes[42]["outcome"], outcomes[42]["problem"]) == (
        "REFUSED",
        "no node has it; add one that keeps history",
    )
    check_requests(settings)

    # What became of it; only what was refused is asked for again.
    found = operator.json("replay", code=2)
    assert became(found) == [
        (42, "sink", "REFUSED"),
        (44, "normalize", "PUBLISHED"),
        (44, "normalize", "PUBLISHED"),
    ]
    assert asked_for(found) == [42]
    assert asked_for(operator.json("replay", "--again", code=2)) == [42, 44]

    # The repair fails in a later stage: its letter carries the repair's sequence.
    event = block_event(44, REPAIRED, EventKind.REPAIR_REVERT, claim=1)
    place = error_headers(topic_name(settings, "normalized-blocks"), 0, 9, "enrich", Permanent("still odd"))
    put(
        settings,
        "dead-letters",
        value_of(event, "normalized-blocks"),
        (*headers_of(event, "normalized-blocks"), *place),
    )
    found = operator.json("replay", code=2)
    assert became(found)[1:] == [
        (44, "enrich", "OPEN"),
        (44, "normalize", "FAILED"),
        (44, "normalize", "FAILED"),
    ]
    failed = next(each["detail"] for each in found["letters"] if each["became"] == "FAILED")
    assert failed == f"sequence {REPAIRED}, in enrich: still odd"
    assert asked_for(found) == [42, 44]

    # Without a listener: not waited for, or not for long.
    done = operator.run("replay", "--block", "44", "--yes", "--no-wait")
    assert done.returncode == 0, done.stderr
    assert "1 request in repair-requests" in done.stdout
    assert {each for _, _, each in became(operator.json("replay", "--block", "44", code=0))} == {"ASKED"}
    done = operator.run("replay", "--block", "42", "--yes", "--patience", "1")
    assert done.returncode == 3, done.stderr
    assert "does `headwater listen` of this chain run" in done.stdout
    assert requests(settings)[-1]["block_number"] == 42


def check_requests(settings: Settings) -> None:
    sent = {each["block_number"]: each for each in requests(settings)}
    assert sorted(sent) == [42, 44]
    assert len(requests(settings)) == 2
    topic = topic_name(settings, "raw-blocks")
    removal = sent[44]
    assert removal["block_hash"] == (44).to_bytes(32, "big")
    assert (removal["chain_id"], removal["refetch"]) == (CHAIN_ID, False)
    assert removal["reason"].startswith("normalize: ")
    assert removal["requested_by"].startswith("headwater-")
    assert (removal["letter_topic"], removal["letter_partition"]) == (topic, 0)
    # Of the block's two letters the newer one, of its removal.
    originals = [each for each in messages(settings, "raw-blocks") if each.offset == removal["letter_offset"]]
    assert codec_for("raw-blocks").read(originals[0].value or b"", 5)["event"] == "REVERT"
    by_event = sent[42]
    assert by_event["block_hash"] == (42).to_bytes(32, "big")
    assert (by_event["letter_topic"], by_event["letter_partition"], by_event["letter_offset"]) == (
        topic_name(settings, "logs"),
        3,
        17,
    )
    keys = [each.key for each in messages(settings, "repair-requests")]
    assert keys == [b"42:0x%064x" % 42, b"44:0x%064x" % 44]
    assert {dict(each.headers)["chain-id"] for each in messages(settings, "repair-requests")} == {
        str(CHAIN_ID).encode()
    }


def test_a_block_without_a_letter_is_asked_for_by_its_number(settings: Settings, operator: Operator) -> None:
    admin.apply(settings)
    register_all(settings)
    assert operator.json("replay", code=0)["requests"] == []
    asked = operator.json("replay", "--block", "7", "--refetch", "--yes", "--no-wait", code=0)
    assert asked_for(asked) == [7]
    (request,) = requests(settings)
    assert (request["block_number"], request["block_hash"], request["refetch"]) == (7, None, True)
    assert [each.key for each in messages(settings, "repair-requests")] == [b"7"]


def test_topics_that_are_missing_are_named_with_the_remedy(operator: Operator) -> None:
    done = operator.run("replay")
    assert done.returncode == 1
    assert "there is no topic" in done.stderr
    assert "headwater topics apply" in done.stderr


def test_verify_asks_for_the_blocks_that_differ(
    kafka: str,
    registry_url: str,
    clickhouse: dict[str, str],
    database: str,
    rpc_url: str,
    topic_prefix: str,
    tmp_path: Path,
) -> None:
    """Tables of a made-up block beside a node that has another: that is missing, ours not canonical."""
    settings = load_settings(
        {
            "topic_prefix": topic_prefix,
            "data_dir": str(tmp_path / "data"),
            "kafka": {"bootstrap_servers": kafka},
            "registry": {"url": registry_url},
            "clickhouse": {**clickhouse, "database": database},
        },
        environ={},
    )
    admin.apply(settings)
    register_all(settings)
    client = connect(settings.clickhouse)
    migrate(client, settings, sink_chain.CHAIN_ID)
    made_up = sink_chain.Block(1)
    sink_chain.Publisher(settings).apply(made_up)
    sink = CommandProcess(environment(settings), tmp_path / "sink.log", ("sink",))
    try:
        count = f"SELECT count() FROM {database}.coverage"
        until(lambda: client.query(count).result_rows[0][0] == 1, "the block is in the tables")
    finally:
        sink.end()
        client.close()
    until(lambda: int(rpc(rpc_url, "eth_blockNumber"), 16) > 0, "the node has a block")
    operator = Operator(settings, tmp_path, HEADWATER_CHAIN__RPC=rpc_url)
    words = ("verify", "--from", "1", "--to", "1", "--patience", "0")
    assert "requests" not in operator.json(*words, code=1)

    shown = operator.json(*words, "--repair", code=1)
    theirs = rpc(rpc_url, "eth_getBlockByNumber", "0x1", False)["hash"]
    wanted = {f"0x{made_up.hash.hex()}": False, theirs: True}
    assert {each["block_hash"]: each["refetch"] for each in shown["requests"]} == wanted
    assert written(settings, "repair-requests") == 0
    text = operator.run(*words, "--repair").stdout
    assert "Nothing was asked: --repair --yes asks for these blocks." in text

    operator.json(*words, "--repair", "--yes", "--no-wait", code=1)
    sent = requests(settings)
    assert {f"0x{each['block_hash'].hex()}": each["refetch"] for each in sent} == wanted
    assert {each["block_number"] for each in sent} == {1}
    assert all(each["reason"].startswith("verify: ") and each["letter_topic"] is None for each in sent)
