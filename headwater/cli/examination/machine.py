"""Is this machine's clock right, and which settings are missing?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater.cli.examination.finding import Finding, Verdict
from headwater.settings import Settings

CLOCK: Final = "clock"
SETTINGS: Final = "settings"
SKEW_SECONDS: Final = 2.0


def skew(name: str, asked_ms: int, answered_ms: int, theirs_ms: int) -> Finding:
    """Our clock beside another's: when we asked, when it answered, and what it said in between."""
    # Whatever the way took, theirs lies between ours, or it does not.
    early, late = (asked_ms - theirs_ms) / 1000, (theirs_ms - answered_ms) / 1000
    apart = max(early, late, 0.0)
    if apart > SKEW_SECONDS:
        way = "ahead of" if early > late else "behind"
        return Finding(
            CLOCK,
            Verdict.WRONG,
            f"this machine's clock is {apart:,.1f} s {way} that of {name}",
            "set both by NTP: latencies, ages and lag in seconds are differences of clocks",
        )
    return Finding(
        CLOCK, Verdict.OK, f"this machine's clock agrees with that of {name} to {SKEW_SECONDS:g} s"
    )


def head_is_early(address: str, age: float, early_seconds: float) -> Iterator[Finding]:
    """A head whose timestamp lies ahead of our clock by more than a chain allows."""
    if age < -early_seconds:
        yield Finding(
            CLOCK,
            Verdict.WRONG,
            f"the head of {address} is {-age:,.0f} s ahead of this machine's clock",
            "set the clock by NTP; a local chain that was moved ahead is as it should be",
        )


def settings(found: Settings) -> Iterator[Finding]:
    """What is set, by what everything else goes."""
    if not found.chain.rpc:
        yield Finding(
            SETTINGS, Verdict.NOTE, "chain.rpc is not set: no node is examined", "HEADWATER_CHAIN__RPC"
        )
    prefix = f", topics begin with {found.topic_prefix}." if found.topic_prefix else ""
    yield Finding(SETTINGS, Verdict.OK, f"chain {found.chain.name}{prefix}, every setting is known and valid")
