"""The screen fits the terminal and shows what matters, whatever the figures are."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sandbox.screen.clickhouse_view import in_units
from sandbox.screen.figures import duration, seconds
from sandbox.screen.lines import line
from sandbox.screen.render import render
from sandbox.screen.snapshot import PartView, Snapshot, StageView, StateView, TransferView
from sandbox.stack.roles import ROLES
from topics.groups import NAMES

PARTS = ("kafka-1", "registry", "clickhouse", "receiver", "anvil", *(role.name for role in ROLES))
EMPTY = Snapshot("local")
FULL = Snapshot(
    chain="ethereum",
    chain_id=1,
    data_dir="/home/someone/with/a/rather/long/path/to/.headwater",
    uptime=123456.0,
    head=17686132,
    safe=17686100,
    finalized=17686068,
    visible=17686131,
    blocks_per_second=345.6,
    records_per_second=212_000.0,
    latency_p50=0.42,
    latency_p99=12.34,
    reorgs=17,
    deepest_reorg=8,
    dead_letters=3,
    gaps=1,
    stages=tuple(StageView(name, 17686132, 123456, 0.031, 212_000.0) for name in (*NAMES, "sink")),
    parts=(
        *(PartView(name, "ready") for name in PARTS),
        PartView("kafka-1-format", "done"),
        PartView("traffic", "restarting", 12, "exit code 1: " + "why " * 80, 7.0),
    ),
    rows={f"table_{n}": n * 1_000_000 for n in range(1, 14)},
    transfers=tuple(
        TransferView(17686132 - n, "ERC1155", "0x" + "ab" * 20, "0x" + "12" * 20, "0x" + "cd" * 20, "9" * 78)
        for n in range(20)
    ),
    states=tuple(
        StateView(None if n % 2 else n, "0x" + "9f" * 32, "FINALIZED", "SUCCEEDED") for n in range(20)
    ),
    alerts={"provisional": 1_234, "confirmed": 56_789, "retracted": 21, "resolved": 3},
    deliveries={"delivered": 58_000, "waiting": 4, "retrying": 2, "dead": 1, "superseded": 7},
    endpoints={
        "ClickHouse": "http://127.0.0.1:19714",
        "Kafka": "127.0.0.1:25984,127.0.0.1:25985,127.0.0.1:25986",
        "schema registry": "http://127.0.0.1:20475/apis/ccompat/v7",
        "node": "http://127.0.0.1:25813",
    },
)


def drawn(snapshot: Snapshot, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(render(snapshot, width, height), height=height)
    return capture.get().rstrip("\n").split("\n")


@pytest.mark.parametrize("snapshot", [EMPTY, FULL], ids=["empty", "full"])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 50)])
def test_nothing_is_cut_off_at_the_edges(snapshot: Snapshot, width: int, height: int) -> None:
    lines = drawn(snapshot, width, height)
    assert len(lines) <= height
    assert max(len(text) for text in lines) <= width
    whole = "\n".join(lines)
    assert "Ctrl-C" in whole
    assert snapshot.chain in lines[0]
    assert all(name in whole for name in snapshot.endpoints)


@pytest.mark.parametrize(("width", "height"), [(80, 30), (200, 50)])
def test_a_dead_part_says_why_and_trouble_is_on_top(width: int, height: int) -> None:
    lines = drawn(FULL, width, height)
    whole = "\n".join(lines)
    assert "1 GAPS" in lines[0]
    assert "3 dead letters" in lines[0]
    assert "exit code 1: why" in whole
    assert "kafka-1-format" not in whole
    for expected in ("17,686,132", "12.3 s", "0xabab…abab", "FINALIZED", "http://127.0.0.1:19714"):
        assert expected in whole


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_alerts_and_deliveries_are_counted(width: int, height: int) -> None:
    whole = "\n".join(drawn(FULL, width, height))
    assert "alerts 1,234 provisional  56,789 confirmed  21 retracted" in whole
    assert "deliveries 58,000 delivered  4 waiting  2 retrying  1 dead" in whole
    assert "alerts 0 provisional" in "\n".join(drawn(EMPTY, width, height))
    assert "; deliveries 58,000 delivered 4 waiting 2 retrying 1 dead" in line(FULL)


def test_the_plain_line_names_what_is_not_ready() -> None:
    assert "not ready: traffic:restarting" in line(FULL)
    assert "gaps 1" in line(FULL)
    assert "not ready" not in line(EMPTY)


def test_times_for_people() -> None:
    assert [duration(9), duration(75), duration(3_725)] == ["0:09", "1:15", "1:02:05"]
    assert [seconds(None), seconds(0.0314), seconds(1.25)] == ["–", "31 ms", "1.2 s"]


@pytest.mark.parametrize(
    ("amount", "decimals", "units"),
    [
        ("1500", 3, "1.5"),
        ("1500", 0, "1500"),
        ("0", 18, "0"),
        ("1", 18, "0.000000000000000001"),
        ("2000000", 6, "2"),
        ("100", 2, "1"),
        (str(2**256 - 1), 77, f"1.{str(2**256 - 1)[1:]}"),
        ("7", 255, f"0.{'0' * 254}7"),
    ],
)
def test_amounts_are_put_in_units_digit_by_digit(amount: str, decimals: int, units: str) -> None:
    assert in_units(amount, decimals) == units
