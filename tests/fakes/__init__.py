"""Stand-ins for what a process works with, each held to a contract in `tests/contract/`.

A stand-in is in a case of the contract class that the real one passes too, in `tests/contract/` where that
needs nothing and in `tests/integration/` where it needs Kafka, ClickHouse or HTTP. Those without one are in
WITHOUT_CONTRACT, which says why, those of a single unit test too; `tests/contract/test_fakes.py` holds that
there is no third kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WITHOUT_CONTRACT: Final[Mapping[str, str]] = {
    "kafka.FakeConsumer": "it plays what a test lays in; that Kafka does so is shown by its readers on Kafka",
    "listening.NoCopies": "one method that answers nothing: what was told is all there is to it",
    "listening.Looks": "it waits for nothing on purpose; what a ticker waits for is tested on the real one",
    "listening.Rig": "the real listener, put together",
    "pool.Quiet": "nodes that are in sync and never fail; what HTTP does is in the contract of transports",
    "pool.Pool": "the real pool, put together",
    "pool.Silent": "work of a test, which ends when it is told to",
    "ruled_node.RuledNode": "the recorded node of the sandbox with answers of the test's own",
    "ruled_node.Error": "a value: the error object of an answer",
    "sink_thread.SinkThread": "the real sink, put together",
    "sink_thread.Tables": "the stand-ins of one ClickHouse, side by side",
    "stage_bench.Bench": "the real runner, put together",
    "stage_bench.Diary": "what was done, in its order",
    "stage_bench.Stage": "a stage of the test's own; the real ones run on Kafka in test_stage_without_faust",
    "stage_bench.Stop": "the real event, whose waits are over at once",
    "stage_bench.Table": "fails as the test says; that changelogs are written is tested in workers on Kafka",
    "test_check_stream.FakeSession": "a real check of records laid in; on Kafka it is run whole",
    "test_joined.FakeTable": "remembers the bytes of an insert; what comes of them is tested on ClickHouse",
    "test_ledger.FakeRegistry": "a registry that fails as often as the test says, and knows one schema",
    "test_supervisor.FakeChild": "a process as its supervisor sees it; real ones are in test_children",
    "test_webhook.FakeHttp": "lays in what a receiver answers; real ones are in test_delivery_http",
    "test_writer.FakeDirect": "fails as the test says; the real insert is held in test_joined, on ClickHouse",
    "watched.MovingClock": "a clock that goes by itself is one that a test would have to wait for",
    "watched.Watched": "the real heartbeats, under that clock",
    "transactions.KilledError": "an end of the process that nobody catches",
}
