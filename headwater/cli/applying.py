"""What `apply` of a file does, whatever it is about: read, compare with what stands, say what changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

from headwater.errors import Fatal

T = TypeVar("T")
# Where no file is beside the command: `kubectl exec -i … -- headwater channels apply - < channels.yaml`.
STDIN: Final = Path("-")


def text_of(path: Path) -> str:
    """The text of a file, or of standard input. Raises Fatal."""
    try:
        return read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"cannot read {path}: {error}") from error


def read(path: Path) -> str:
    """The text of a file, of standard input for `-`. Raises OSError and UnicodeDecodeError."""
    return sys.stdin.buffer.read().decode("utf-8") if path == STDIN else path.read_text("utf-8")


def replacement(before: Mapping[str, T], wanted: Mapping[str, T]) -> dict[str, T | None]:
    """The changes that make what stands what is wanted, by key; None takes one out."""
    changes: dict[str, T | None] = {own: None for own in before if own not in wanted}
    changes |= {own: each for own, each in wanted.items() if before.get(own) != each}
    return changes


def outcome(what: str, wanted: Mapping[str, T], changes: Mapping[str, T | None]) -> str:
    """What came of it: `12 labels; 2 new or changed, 1 taken out`."""
    gone = sum(each is None for each in changes.values())
    return f"{len(wanted):,} {what}; {len(changes) - gone:,} new or changed, {gone:,} taken out"
