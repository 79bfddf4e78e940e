"""What `apply` of a file does, whatever it is about: read, compare with what stands, say what changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from headwater.errors import Fatal

T = TypeVar("T")


def text_of(path: Path) -> str:
    """The text of a file. Raises Fatal."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"cannot read {path}: {error}") from error


def replacement(before: Mapping[str, T], wanted: Mapping[str, T]) -> dict[str, T | None]:
    """The changes that make what stands what is wanted, by key; None takes one out."""
    changes: dict[str, T | None] = {own: None for own in before if own not in wanted}
    changes |= {own: each for own, each in wanted.items() if before.get(own) != each}
    return changes


def outcome(what: str, wanted: Mapping[str, T], changes: Mapping[str, T | None]) -> str:
    """What came of it: `12 labels; 2 new or changed, 1 taken out`."""
    gone = sum(each is None for each in changes.values())
    return f"{len(wanted):,} {what}; {len(changes) - gone:,} new or changed, {gone:,} taken out"
