"""Alerts whose windows contain a time at which something is not known. Pure.

Statistics have windows too, which their records name: an alert of one rests on the snapshot that made it.
"""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Final

from msgspec.structs import replace

from streams.logic.alerts.alert import Alert
from streams.logic.alerts.decision import Block
from streams.logic.alerts.gives import Candidate

INCOMPLETE: Final = "incomplete"
SILENT_SINCE: Final = "silent_since"


def lacks(alert: Alert, told_at: int, time: int) -> bool:
    """True for an alert of a window or statistic that contains this block time, and that does not say so yet.

    `told_at`: the block time of the block that it is of.
    """
    values = alert.values
    if INCOMPLETE in values:
        return False
    if alert.resolves:
        # An absence is told of by the first block behind it.
        end = told_at if SILENT_SINCE in values else alert.window_end or 0
        return (alert.window_start or 0) <= time < end
    return "statistic" in values and int(values["window_start"]) <= time < int(values["window_end"])


def incomplete(alert: Alert) -> Alert:
    """The same, and it says so."""
    return replace(alert, values={**alert.values, INCOMPLETE: "true"})


def mark_given(block: Block, time: int) -> bool:
    """Mark what a block gives of statistics that contain this block time; True when there is some.

    Whatever makes its alert again makes it so. A window asks by itself whether something is not known.
    """

    def marked(each: Candidate) -> Candidate:
        lacking = each.until is not None and lacks(each.alert, block.timestamp, time)
        return replace(each, alert=incomplete(each.alert)) if lacking else each

    now = tuple(map(marked, block.gives.candidates))
    if now == block.gives.candidates:
        return False
    block.gives = changed(block.gives, candidates=now)
    return True
