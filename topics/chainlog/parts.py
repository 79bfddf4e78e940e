"""One event as several messages: a block too large for one is split, never dropped.

The node's answers (block, receipts, traces) are taken as one run of bytes and cut; each part holds its
piece of each of them. Pure; writer and reader of raw-blocks share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

PART_BYTES: Final = 24 * 1024 * 1024
"""Answers in one message at most: the topics allow 32 MiB."""

Answers = tuple[bytes | None, ...]


def split_answers(answers: Answers, limit: int = PART_BYTES) -> list[Answers]:
    """Pieces of `limit` bytes at most, in order; one piece, the answers themselves, when they are small.

    An answer that is None stays None everywhere; one that has nothing in a piece is None there.
    """
    if sum(len(answer) for answer in answers if answer is not None) <= limit:
        return [answers]
    pieces: list[list[bytes | None]] = [[None] * len(answers)]
    room = limit
    for index, answer in enumerate(answers):
        start = 0
        while answer is not None and start < len(answer):
            if room == 0:
                pieces.append([None] * len(answers))
                room = limit
            piece = answer[start : start + room]
            pieces[-1][index] = piece
            start += len(piece)
            room -= len(piece)
    return [tuple(piece) for piece in pieces]


def join_answers(pieces: Sequence[Answers]) -> Answers:
    """The answers again from all their pieces in order."""
    return tuple(_joined(column) for column in zip(*pieces, strict=True))


def _joined(column: Iterable[bytes | None]) -> bytes | None:
    found = [piece for piece in column if piece is not None]
    if not found:
        return None
    return found[0] if len(found) == 1 else b"".join(found)
