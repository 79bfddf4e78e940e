"""What was seen, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.alerts import Alert
from tests.faults.course import Seen


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, its alert as text, and what came of it; None: it was not tried, and `untried` says why."""

    fault: str
    alert: str
    seen: Seen | None
    untried: str = ""

    @property
    def passed(self) -> bool:
        """One that was not tried is not a failure: it says so."""
        return self.seen is None or self.seen.passed

    @property
    def remarks(self) -> str:
        """What is wrong first, then what fired beside."""
        if self.seen is None:
            return f"not tried: {self.untried}"
        seen = self.seen
        if seen.before:
            return f"NOT TRIED, this fires already: {_names(seen.before)}"
        told = []
        if seen.fires is None:
            told.append("DID NOT FIRE")
        elif seen.clears is None:
            told.append("DID NOT CLEAR")
        if seen.stays:
            told.append(f"STAYS: {_names(seen.stays)}")
        if seen.beside:
            told.append(_names(seen.beside))
        return "; ".join(told)


def line(row: Row, seconds: float) -> str:
    """What came of one fault, told when it is over; `seconds` have passed by then."""
    fires, clears = map(_seconds, _times(row.seen))
    times = ", ".join(f"{what} after {time}" for what, time in (("fires", fires), ("clears", clears)) if time)
    told = "; ".join(filter(None, (times, row.remarks)))
    return f"{seconds / 60:5.1f} min  {row.fault}: {row.alert}: {told}"


def table(rows: Sequence[Row], factor: float, seconds: float) -> str:
    """Markdown, which is text too; `seconds` is what all of it took."""
    cells = [("fault", "alert", "fires", "clears", "beside it")]
    cells += [
        (row.fault, row.alert, *map(_seconds, _times(row.seen)), row.remarks.replace("|", "\\|"))
        for row in rows
    ]
    widths = [max(len(each[column]) for each in cells) for column in range(len(cells[0]))]
    lines = [
        "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(each, widths, strict=True)) + " |"
        for each in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    tried = [row for row in rows if row.seen is not None]
    good = sum(row.passed for row in tried)
    lines.append(
        f"\n{good} of {len(tried)} faults fired their alert and cleared; time lapse {factor:g}, "
        f"all of it took {seconds / 60:.1f} min"
    )
    return "\n".join(lines)


def as_json(rows: Sequence[Row], factor: float, seconds: float) -> str:
    """For scripts; times are seconds as they passed, in time lapse."""
    return json.dumps(
        {
            "time_lapse": factor,
            "seconds": round(seconds, 1),
            "passed": all(row.passed for row in rows),
            "faults": [_entry(row) for row in rows],
        },
        indent=2,
    )


def _entry(row: Row) -> dict[str, object]:
    fires, clears = _times(row.seen)
    seen = row.seen or Seen()
    return {
        "fault": row.fault,
        "alert": row.alert,
        "passed": row.passed,
        "untried": row.untried or None,
        "fires": fires,
        "clears": clears,
        "beside": sorted(map(str, seen.beside)),
        "stays": sorted(map(str, seen.stays)),
        "before": sorted(map(str, seen.before)),
    }


def _times(seen: Seen | None) -> tuple[float | None, float | None]:
    return (None, None) if seen is None else (_rounded(seen.fires), _rounded(seen.clears))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} s"


def _names(alerts: frozenset[Alert]) -> str:
    """Each alert once, with its labels."""
    return ", ".join(sorted(map(str, alerts)))
