"""What every disturbance must leave behind: exactly what an undisturbed run over the same chain has."""

from __future__ import annotations

from pathlib import Path

from tests.integration.checks import (
    check_equal,
    check_no_dead_letters,
    check_topics,
    check_verify,
    states_settled,
)
from tests.integration.line import Line
from tests.integration.statistics import check_statistics


def prove_undisturbed(line: Line, directory: Path) -> tuple[int, str]:
    """Stand still, prove, and compare with a fresh instance in `directory` over the same chain; the head."""
    line.wait_ready()
    line.freeze()
    head = line.close_windows()
    line.wait_settled(head)
    line.wait_until(lambda: states_settled(line), "the states have settled", 60)
    check_statistics(line)
    check_verify(line)
    check_topics(line, 0, head[0])
    check_no_dead_letters(line)
    fresh = Line(directory, "--rpc", str(line.endpoints["rpc"]), "--start", "earliest")
    try:
        fresh.start()
        fresh.wait_settled(head)
        fresh.wait_until(lambda: states_settled(fresh), "the fresh states have settled", 60)
        fresh.wait_until(lambda: _finality(fresh) == _finality(line), "finality is the same", 60)
        check_equal(line, fresh)
        assert fresh.stop() == 0
    finally:
        fresh.end()
    return head


def _finality(line: Line) -> list[object]:
    return line.sql(
        "SELECT state, count() FROM canonical.transaction_states "
        "WHERE hash IN (SELECT hash FROM canonical.transactions) GROUP BY state ORDER BY state"
    )
