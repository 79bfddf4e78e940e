"""What was said, remembered and delivered is what it must be."""

from __future__ import annotations

from pathlib import Path

from sandbox.receiver.server import Receiver
from tests.integration import recorded_alerts
from tests.integration.alerting.backtested import check_backtest
from tests.integration.alerting.editor import Editor
from tests.integration.alerting.published import fork_until_every_status
from tests.integration.alerting.receiving import check_deliveries
from tests.integration.alerting.undisturbed import caught_up, compare, undisturbed
from tests.integration.line import Line
from tests.integration.second_application import INPUT
from tests.integration.worker_process import written


def prove_alerts(line: Line, editor: Editor, receiver: Receiver, folder: Path) -> None:
    """Stand still, and hold it against the application in `folder` and against what came to the receiver.

    All edits have been made before, and each is in force afterwards.
    """
    settings = line.settings
    fork_until_every_status(line)
    line.reorg(3)  # the rule on forks has something to say, whatever chance had it miss
    line.freeze()
    head = line.close_windows()
    editor.finish()
    adopted = recorded_alerts.recorded(settings)
    assert len(adopted) >= 3
    with undisturbed(settings, folder) as second:
        line.wait_settled(head)
        line.wait_until(lambda: caught_up(settings), "both groups have read everything", 60)
        second.take_input(settings)
        second.finish()
    assert recorded_alerts.recorded(settings) == adopted
    compare(settings, second.settings)
    assert written(settings, INPUT) == second.size
    check_deliveries(line, receiver)
    check_backtest(line, head[0])
