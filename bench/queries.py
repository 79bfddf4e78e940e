"""What people ask the canonical views, on ten million logs, with and without holes and orphans.

4.5 million transactions, 10.1 million logs and 5.0 million transfers of `bench.history`, all but 60 blocks
settled: every block whole, before merges and after them, and with 1,000 blocks incomplete and 10,000
orphaned; all that before and after the settled rows were moved. Milliseconds are medians, warm; the peer is
the same question to the bare table: no FINAL, nothing looked up, and nothing made hex text.

Run alone with `python -m bench.queries [--loops N] [--plans]`. `make bench` takes a tenth of the data, and
holds no target against it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, Final

from bench import blocks
from bench.clickhouse import server, settings_of
from bench.history import History, load_recorded, merge, move, repeat, settle
from bench.questions import QUESTIONS, subjects
from bench.report import Row, publish
from connectors.clickhouse.client import Client, connect
from connectors.clickhouse.migrations.runner import migrate

LOOPS: Final = 1_030
HOLES: Final = 1_000
ORPHANS: Final = 10_000
ROUNDS: Final = 5
RECORDED: Final = "recorded"
# Else the second time it is known which granules a condition left nothing of.
_SETTINGS: Final = {"use_query_condition_cache": 0}


def rows(loops: int = LOOPS // 10, plans: bool = False) -> list[Row]:
    """Milliseconds of each question in each state of the tables; targets hold for `LOOPS` repetitions."""
    folder = blocks.folder()
    if folder is None:
        return [Row("queries", None, "ms", note="skipped: the 23 mainnet blocks are absent")]
    share = loops / LOOPS
    histories = {
        "whole": History(loops),
        "holed": History(loops, round(HOLES * share), round(ORPHANS * share)),
    }
    found: list[Row] = []
    with server() as where:
        client = connect(settings_of(where, RECORDED).clickhouse, database="")
        migrate(client, settings_of(where, RECORDED), 1)
        load_recorded(client, RECORDED, folder)
        for name, history in histories.items():
            repeat(client, settings_of(where, name), RECORDED, history)
            settle(client, name, history)
            about = subjects(client, name)
            if name == "whole":
                found += asking(client, name, about, "not merged", full=loops >= LOOPS, plans=plans)
            merge(client, name)
            found += asking(client, name, about, name, full=loops >= LOOPS, plans=plans)
            moved = f"{name}_moved"
            repeat(client, settings_of(where, moved), RECORDED, history)
            settle(client, moved, history)
            move(client, moved)
            merge(client, moved)
            found += asking(client, moved, about, moved, full=loops >= LOOPS, plans=plans, bare=name)
        client.close()
    return found


def asking(
    client: Client,
    database: str,
    about: Mapping[str, str],
    state: str,
    *,
    full: bool,
    plans: bool = False,
    bare: str = "",
) -> Iterator[Row]:
    """A row a question; with `full` targets are held against it, with `plans` its plan is printed.

    `bare`: the database of the bare tables, where that is another one.
    """
    for question in QUESTIONS:
        query = question.of_views(database, about)
        if plans:
            print(
                f"\n{question.name} ({state})\n{query}\n"
                + "\n".join(_lines(client, f"EXPLAIN indexes = 1 {query}"))
            )
        value = milliseconds(client, query)
        other = milliseconds(client, question.of_tables(bare or database, about))
        limit = question.target if question.times is None else question.times * other
        target = f"≤ {question.target:,.0f} ms" if question.target else ""
        target = f"≤ {question.times:g} × the bare table" if question.times else target
        yield Row(
            f"queries ({state}): {question.name}",
            value,
            "ms",
            "bare table",
            other,
            target if full else "",
            value <= limit if full and limit is not None else None,
            reading(client, query),
        )


def milliseconds(client: Client, query: str) -> float:
    """The median of some runs, the first of which warms and does not count."""
    client.query(query, settings=_SETTINGS)
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        client.query(query, settings=_SETTINGS)
        taken.append(time.perf_counter() - started)
    return median(taken) * 1000


def reading(client: Client, query: str) -> str:
    """Rows that ClickHouse means to read, and what of the granules is left after which index."""
    estimate = client.query(f"EXPLAIN ESTIMATE {query}").result_rows
    read = sum(int(str(row[3])) for row in estimate)
    (plan,) = json.loads("".join(_lines(client, f"EXPLAIN json = 1, indexes = 1 {query}")))
    used = []
    for node in _nodes(plan["Plan"]):
        narrowed = [
            each for each in node.get("Indexes", ()) if each["Selected Granules"] != each["Initial Granules"]
        ]
        if narrowed:
            last = narrowed[-1]
            by = ", ".join(str(each.get("Name", each["Type"])) for each in narrowed)
            total = node["Indexes"][0]["Initial Granules"]
            used.append(f"{node['Description']} {last['Selected Granules']}/{total} granules by {by}")
    return f"reads {read:,} rows" + (f"; {'; '.join(used)}" if used else "")


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _lines(client: Client, query: str) -> list[str]:
    return [str(line) for (line,) in client.query(query).result_rows]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.queries", description=__doc__)
    parser.add_argument("--loops", type=int, default=LOOPS, help="repetitions of the 23 blocks")
    parser.add_argument("--plans", action="store_true", help="print each question's plan")
    given = parser.parse_args()
    publish("queries", rows(given.loops, given.plans))
