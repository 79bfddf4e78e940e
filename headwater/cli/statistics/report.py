"""What `headwater stats rebuild` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from headwater.cli.statistics.plan import Plan, Verdict
from headwater.cli.tables import table_of
from streams.logic.aggregate.rebuild import Heights

_SHOWN: Final = 50
_EARLY: Final = (
    "not final yet, or only since the last event, so that the aggregate stage still says them itself; run "
    "this again later"
)


def for_scripts(plan: Plan) -> dict[str, object]:
    """For --json. Times are milliseconds since 1970 (UTC)."""
    size, start = plan.window
    return {
        "window_seconds": size // 1_000,
        "window_start": start,
        "verdict": plan.verdict.value,
        "blocks": plan.blocks,
        "changed": plan.changed,
        "missing": plan.missing,
    }


def show(plans: Sequence[Plan], *, written: bool) -> None:
    """A table of the windows of which there is something to say."""
    told = [each for each in plans if each.verdict in (Verdict.REBUILT, Verdict.LACKING)]
    rows = [
        (
            f"{datetime.fromtimestamp(each.window[1] / 1_000, UTC):%Y-%m-%d %H:%M}",
            "hour" if each.window[0] > 60_000 else "minute",
            str(each.blocks),
            _about(each, written=written),
        )
        for each in told[:_SHOWN]
    ]
    if rows:
        Console().print(table_of(("start", "window", "blocks", "what"), rows, right=("blocks",)))
    if len(told) > _SHOWN:
        print(f"{len(told) - _SHOWN} more windows: --json shows them.")


def conclusion(plans: Sequence[Plan], *, written: bool) -> str:
    """What it came to, and what to do next."""
    found = Counter(each.verdict for each in plans)
    parts = []
    if found[Verdict.REBUILT]:
        what = "rebuilt" if written else "to rebuild: --yes writes them"
        parts.append(f"{found[Verdict.REBUILT]:,} {what}")
    if found[Verdict.LACKING]:
        parts.append(f"{found[Verdict.LACKING]:,} lack blocks. {_remedy(plans)}")
    if found[Verdict.EARLY]:
        parts.append(f"{found[Verdict.EARLY]:,} have to wait: {_EARLY}")
    if found[Verdict.OPEN]:
        parts.append(f"{found[Verdict.OPEN]:,} are not final yet")
    if found[Verdict.RIGHT]:
        parts.append(f"{found[Verdict.RIGHT]:,} are right as they are")
    return f"{len(plans):,} windows: {'; '.join(parts) or 'nothing is to be done'}."


def _about(plan: Plan, *, written: bool) -> str:
    if plan.verdict is Verdict.REBUILT:
        return f"{plan.changed:,} snapshots {'written' if written else 'differ'}"
    if plan.missing is None:
        return "no block of it is known"
    return f"lacks {', '.join(map(_heights, plan.missing[:5]))}{', …' if len(plan.missing) > 5 else ''}"


def _remedy(plans: Sequence[Plan]) -> str:
    """How the blocks that are missing are got."""
    gaps = [each for plan in plans if plan.verdict is Verdict.LACKING for each in plan.missing or ()]
    if not gaps:
        return "Nothing is known of their blocks: they are from before this chain's first one here"
    first, last = gaps[0][0], gaps[-1][1]
    blocks = f"--block {first}" if first == last else f"--from {first} --to {last}"
    return (
        f"`headwater replay {blocks} --yes` has those said again that are in the dead letters, "
        "`headwater verify --repair --yes` over the same heights all others; then run this again"
    )


def _heights(heights: Heights) -> str:
    first, last = heights
    return f"block {first}" if first == last else f"blocks {first} to {last}"
