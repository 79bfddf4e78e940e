"""What must hold of the cluster: blocks arrive and are told of, none is lost or doubled."""

from __future__ import annotations

from typing import Final

from tests.cluster.alerting import Alerting
from tests.cluster.processes import Processes
from tests.cluster.second_version import FIELD
from tests.cluster.services import FIRST, Services, ended

# A node that serves a block a second, and a line that shares two cores with a whole cluster.
ARRIVAL_SECONDS: Final = 300.0
HIGHEST: Final = "SELECT toInt64(max(block_number)) FROM canonical.blocks"
CHECKS: Final = (("verify",), ("check-stream", "--all"))
# Of the table, and of the ledger's copy: what the last one that was written says in the new column.
LAST_BLOCK: Final = f"SELECT ifNull({FIELD}, '') FROM headwater.blocks ORDER BY block_number DESC LIMIT 1"
LAST_DELIVERY: Final = (
    f"SELECT ifNull({FIELD}, '') FROM headwater.deliveries ORDER BY updated_at DESC LIMIT 1"
)


class Proof:
    """Asks the services, as a person would from outside."""

    def __init__(self, services: Services, alerting: Alerting, processes: Processes) -> None:
        self._services, self._alerting, self._processes = services, alerting, processes

    def holds(self) -> str:
        """Wait for the block that is the head now, then check; what was seen, in a few words.

        Raises Fatal with the findings, or naming what does not arrive.
        """
        head = self._services.head()
        self._processes.until(
            lambda: self.visible() >= head, f"block {head} is visible", ARRIVAL_SECONDS, self._shown
        )
        told = self._alerting.covers(head)
        running = {words: self._services.started(*words) for words in CHECKS}
        for words, process in running.items():
            ended(process, *words)
        return f"{head - FIRST + 1} blocks, clean{told}"

    def written(self, value: str) -> str:
        """Wait until the last block and delivery have the new column as the running version writes it."""
        for query in (LAST_BLOCK, LAST_DELIVERY):
            self._until_said(query, value)
        return f"new rows have {value!r} in the new column"

    def _until_said(self, query: str, value: str) -> None:
        self._processes.until(
            lambda: self._services.ask(query) == value,
            f"{query} says {value!r}",
            ARRIVAL_SECONDS,
            lambda: f"and not {self._services.ask(query)!r}",
        )

    def visible(self) -> int:
        """The highest block that ClickHouse shows; -1 while there is none, or no answer."""
        return int(self._services.ask(HIGHEST) or -1)

    def _shown(self) -> str:
        return f"(shown: {self.visible()}, head: {self._services.head()})"
