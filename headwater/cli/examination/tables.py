"""Are the tables of ClickHouse those of this version, and has it room?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from headwater.cli.examination.finding import Finding, Verdict

AREA: Final = "tables"
DISK: Final = "disk"
LEAST_FREE: Final = 0.1
GIGABYTE: Final = 1 << 30


def judged(due: Sequence[str], ahead: Sequence[str], lacking: Sequence[str]) -> Iterator[Finding]:
    """`due`: migrations that were not applied, by name; `ahead`: those of a newer version; `lacking`: what
    applied ones made and is gone.
    """
    if due:
        what = f"{len(due)} migrations are due, the first is {due[0]}"
        yield Finding(AREA, Verdict.WRONG, what, "`headwater migrate`")
    elif ahead:
        what = f"ClickHouse's tables are a newer version's, and this one runs on them: {', '.join(ahead)}"
        yield Finding(AREA, Verdict.OK, what)
    elif lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        yield Finding(
            AREA,
            Verdict.WRONG,
            f"ClickHouse has not {lacking[0]}{more}, though the migration was applied that made it",
            "see that this login may see them (system.tables), else restore them from a backup; where all is "
            "still in Kafka, drop the databases and run `headwater migrate`",
        )
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
