"""What finality does: windows go out for the last time, blocks of final minutes collapse into them.

A block is remembered by itself until the minute that it is in is final, then together with the other blocks
of the minute until the hour is: what is kept is bounded by the open hours and by what is not final.
"""

from __future__ import annotations

from collections.abc import Sequence

from streams.logic.aggregate.decision import Decision, Minute
from streams.logic.aggregate.measures import Entity, Measures, joined, plus
from streams.logic.aggregate.windows import HOUR, MINUTE, Block, Window, WindowKey


def collapse(
    number: int,
    time: int,
    blocks: dict[bytes, Block],
    windows: dict[WindowKey, Window],
    decision: Decision,
) -> None:
    """The block of this height and time is finalized."""
    settled: dict[int, list[Block]] = {}
    for block in list(blocks.values()):
        minute = block.timestamp - block.timestamp % MINUTE
        if block.number <= number and minute + MINUTE <= time:
            settled.setdefault(minute, []).append(block)
            del blocks[block.hash]
            decision.blocks[block.hash] = None
    for start, gone in settled.items():
        hour = windows.get((HOUR, start - start % HOUR))
        if hour is not None:
            _keep(hour, start, gone, time, decision)
        minute_window = windows.get((MINUTE, start))
        if minute_window is not None:
            for block in gone:
                minute_window.collapse(block)
    for window in [each for each in windows.values() if each.end <= time]:
        decision.snapshot(window, window.totals, final=True)
        del windows[window.key]
        decision.windows[window.key] = None
        if window.size == HOUR:
            decision.forgotten_hours.append(window.start)


def _keep(hour: Window, start: int, blocks: Sequence[Block], time: int, decision: Decision) -> None:
    """Blocks of a minute collapse into their hour, which remembers them as one while it can change."""
    entities: dict[Entity, Measures] = {}
    for block in blocks:
        hour.collapse(block)
        for entity, measures in block.contribution.entities.items():
            before = entities.get(entity)
            entities[entity] = measures if before is None else plus(before, measures)
    if hour.end <= time:
        return
    sequence = max(each.sequence for each in blocks)
    if sequence > hour.emitted:
        hour.pending_minutes.append(tuple(entities))
    decision.minutes.append(
        Minute(
            start,
            decision.sequence,
            sequence,
            all(each.known for each in blocks),
            joined(each.contribution.base_fees for each in blocks),
            entities,
        )
    )
    decision.windows[hour.key] = hour
