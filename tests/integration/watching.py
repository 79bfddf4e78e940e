"""A reader that looks at the canonical views all the time and notes every block that it saw in part."""

from __future__ import annotations

import threading
import time
import urllib.request
from types import TracebackType

import orjson

from tests.builders.clickhouse import question

# Each view's rows of a block are as many as the coverage says, whichever version of its row one reads.
COUNTS = {
    "blocks": "1",
    "transactions": "transaction_count",
    "logs": "log_count",
    "token_transfers": "token_transfer_count",
    "contracts": "contract_count",
}


class Watcher:
    """`with Watcher(endpoints) as watcher:` … `assert watcher.partial == [] and watcher.looks > 10`."""

    def __init__(self, endpoints: dict[str, str]) -> None:
        self.partial: list[str] = []
        self.looks = 0
        self.blocks: set[str] = set()
        self._endpoints = endpoints
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(30)

    def _watch(self) -> None:
        took = 0.05
        # Half of the time at most: what is looked at has the machine for the other half.
        while not self._stop.wait(took):
            began = time.monotonic()
            try:
                self._look()
            except OSError:
                continue  # ClickHouse was killed, and comes back
            took = time.monotonic() - began
            self.looks += 1

    def _look(self) -> None:
        shown = {
            view: self._sql(f"SELECT block_hash, count() FROM canonical.{view} GROUP BY block_hash")
            for view in COUNTS
        }
        # Asked last: whatever a view showed is in the coverage by now.
        columns = ", ".join(COUNTS.values())
        coverage = {
            row[0]: dict(zip(COUNTS, map(int, row[1:]), strict=True))
            for row in self._sql(f"SELECT block_hash_hex, {columns} FROM headwater.coverage WHERE complete")
        }
        for view, rows in shown.items():
            for block_hash, count in rows:
                self.blocks.add(block_hash)
                if int(count) != coverage[block_hash][view]:
                    due = coverage[block_hash][view]
                    self.partial.append(f"look {self.looks}: {view} of {block_hash}: {count} rows of {due}")

    def _sql(self, query: str) -> list[list[str]]:
        request = question(self._endpoints, f"{query} FORMAT JSONCompactStringsEachRow")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [orjson.loads(line) for line in answer.read().splitlines()]
