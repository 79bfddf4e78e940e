"""What is said of a question whose time is over."""

from __future__ import annotations

from collections.abc import Callable

from connectors.evm.pool.asking.deadline import Overdue
from connectors.evm.pool.asking.work import Failures
from connectors.evm.pool.order import Order
from headwater.metrics import listener as metrics


class GivenUp:
    """Health says so, and who left the question unanswered is asked after the others for a while.

    `report` is told how it stands with the nodes.
    """

    def __init__(self, order: Order, report: Callable[[bool, str], None]) -> None:
        self._order = order
        self._report = report

    def say(self, overdue: Overdue, failed: Failures) -> None:
        """The question was given up for this."""
        metrics.NODES_OVERDUE.labels(self._order.endpoints[0].chain).inc()
        for name in sorted(failed.unanswered):
            self._order.pass_over(name)
        self._report(False, overdue.what)
