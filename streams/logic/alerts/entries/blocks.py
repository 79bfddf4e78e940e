"""The entries of a block: what it gave and what it made, in pieces that a topic takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from streams.logic.alerts.alert import Alert
from streams.logic.alerts.decision import Block, Made
from streams.logic.alerts.entries.entry import decoded, encoded, written
from streams.logic.alerts.gives import Candidate, Gives, RuleGroup
from streams.logic.alerts.tally import packed, unpacked

_CHUNK: Final = 2_000
"""Matches in one entry: far below what a topic takes."""
_GROUPS: Final = 20_000
"""Groups, and values of their measures, in one entry."""
_T = TypeVar("_T")
_Measures: TypeAlias = list[list[str | None]]


class _Block(msgspec.Struct, frozen=True, array_like=True):
    """`made`: an alert, or the place of the match in this entry that it is; whether it was published.

    New fields go to the end: state topics have older blocks.
    """

    parent_hash: bytes | None
    known: bool
    candidates: list[Candidate]
    made: list[tuple[Alert | int, bool]]
    tallies: list[tuple[RuleGroup, int, _Measures]]
    seen: list[RuleGroup]
    denied: list[RuleGroup] = []


def entries_of(block: Block) -> Iterator[bytes]:
    """A block's entries: each has a piece of all that there may be much of."""
    rest, matches = dict(block.made), _pieces(block.gives.candidates, _CHUNK)
    made: list[list[tuple[Alert | int, bool]]] = [[] for _ in matches]
    for own, piece in zip(made, matches, strict=True):
        for place, each in enumerate(piece):
            found = rest.get(each.alert.id)
            if found is not None and found.alert == each.alert:
                del rest[each.alert.id]
                own.append((place, found.published))
    tallies = [(owner, *packed(tally)) for owner, tally in block.gives.tallies.items()]
    parts: Iterable[tuple[list[Any], ...]] = zip_longest(
        matches,
        made,
        _pieces([(each.alert, each.published) for each in rest.values()], _CHUNK),
        _pieces(tallies, _GROUPS, lambda each: sum(map(len, each[2]), 1)),
        _pieces(block.gives.seen, _GROUPS),
        _pieces(sorted(block.denied), _GROUPS),
        fillvalue=[],
    )
    for piece, own, others, counted, seen, denied in list(parts) or [([],) * 6]:
        content = _Block(block.parent_hash, block.known, piece, own + others, counted, seen, denied)
        yield written(
            "BLOCK",
            block.sequence,
            encoded(content),
            block_number=block.number,
            block_hash=block.hash,
            timestamp=block.timestamp,
        )


def _pieces(items: Iterable[_T], most: int, weight: Callable[[_T], int] = lambda _: 1) -> list[list[_T]]:
    """The items in lists that weigh so much at most; one that weighs more is alone."""
    found: list[list[_T]] = []
    left = 0
    for each in items:
        own = weight(each)
        if not found or own > left:
            found.append([])
            left = most
        found[-1].append(each)
        left -= own
    return found


def joined(before: Block | None, record: Mapping[str, Any]) -> Block:
    """The block with the content of one more of its entries."""
    content = decoded(record, _Block)
    gives = Gives(
        tuple(content.candidates),
        {owner: unpacked(records, measures) for owner, records, measures in content.tallies},
        tuple(content.seen),
    )
    if before is not None:
        gives = Gives(
            before.gives.candidates + gives.candidates,
            before.gives.tallies | gives.tallies,
            before.gives.seen + gives.seen,
        )
    block = Block(
        record["sequence"],
        record["block_number"],
        record["block_hash"],
        content.parent_hash,
        record["timestamp"],
        gives,
        content.known,
        {} if before is None else before.made,
        denied=frozenset(content.denied) | (frozenset() if before is None else before.denied),
    )
    for each, published in content.made:
        alert = content.candidates[each].alert if isinstance(each, int) else each
        block.made[alert.id] = Made(alert, published)
    return block
