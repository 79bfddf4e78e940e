"""How the records of an event are spread over messages: a block too large for one is split, never dropped."""

from __future__ import annotations

from collections.abc import Sequence


def spread(limit: int, *arrays: Sequence[bytes]) -> list[tuple[slice, ...]]:
    """For each part a slice of each array; a part has `limit` bytes of records at most.

    The order of records stays, one array after the other; one part when everything fits. A record above
    the limit is a part of its own.
    """
    if sum(sum(map(len, array)) for array in arrays) <= limit:
        return [tuple(slice(0, len(array)) for array in arrays)]
    parts: list[tuple[slice, ...]] = []
    starts, ends, size = [0] * len(arrays), [0] * len(arrays), 0
    for index, array in enumerate(arrays):
        for number, record in enumerate(array):
            if size and size + len(record) > limit:
                parts.append(tuple(map(slice, starts, ends)))
                starts, size = list(ends), 0
            size += len(record)
            ends[index] = number + 1
    return [*parts, tuple(map(slice, starts, ends))]
