"""Are the tables of ClickHouse those of this version, and has it room?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from headwater.cli.examination.finding import Finding, Verdict

AREA: Final = "tables"
DISK: Final = "disk"
LEAST_FREE: Final = 0.1
GIGABYTE: Final = 1 << 30


def judged(due: Sequence[str], ahead: Sequence[str] = ()) -> Iterator[Finding]:
    """`due`: the migrations that have not been applied, by name; `ahead`: those of a newer version."""
    if due:
        what = f"{len(due)} migrations are due, the first is {due[0]}"
        yield Finding(AREA, Verdict.WRONG, what, "`headwater migrate`")
    elif ahead:
        what = f"ClickHouse's tables are a newer version's, and this one runs on them: {', '.join(ahead)}"
        yield Finding(AREA, Verdict.OK, what)
    else:
        yield Finding(AREA, Verdict.OK, "ClickHouse has the tables and views of this version")


def room(name: str, free: int, total: int) -> Finding:
    """`free` and `total` bytes of a disk."""
    share = free / total if total else 0.0
    what = f"{name}: {free / GIGABYTE:,.1f} of {total / GIGABYTE:,.1f} GB are free"
    if share < LEAST_FREE:
        return Finding(
            DISK,
            Verdict.WRONG,
            what,
            "make room, or shorten retention: a full disk stops whatever writes there",
        )
    return Finding(DISK, Verdict.OK, what)
