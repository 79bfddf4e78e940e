"""The table as a window of the log: what of it counts after a crash, and what of it may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streams.logic.state.facts import Fact, key_of, unpack
from streams.logic.state.fold import GRACE_BLOCKS, Fold


@dataclass(frozen=True, slots=True)
class Window:
    """A fold made from a table, and the keys that should have been deleted from it."""

    fold: Fold
    stale: tuple[bytes, ...]


def restored(table: Mapping[bytes, bytes], grace_blocks: int = GRACE_BLOCKS) -> Window:
    """The fold of the newest gap-free run of entries; whatever lies before a hole is stale.

    Old entries are deleted oldest first, so a hole means that a paused worker wrote one again, late.
    """
    newest_first = sorted(table, reverse=True)
    run: list[Fact] = []
    for key in newest_first:
        fact = unpack(table[key])
        if run and run[-1].sequence != fact.sequence + 1 and not run[-1].fresh:
            break
        run.append(fact)
    fold = Fold(grace_blocks, pruned=run[-1].sequence - 1 if run else -1)
    fold.restore(reversed(run))
    # A crash may have come between a FINALIZED and the deletions that it caused.
    old = fold.prunable()
    fold.forget(old)
    return Window(fold, (*newest_first[len(run) :], *map(key_of, old)))
