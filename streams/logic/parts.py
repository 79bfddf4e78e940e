"""How the records of an event are spread over messages: a block too large for one is split, never dropped."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.errors import Permanent
from headwater.evm.answers.sizes import HEADER_BYTES


def spread(limit: int, header: bytes, *arrays: Sequence[bytes]) -> list[tuple[slice, ...]]:
    """For each part a slice of each array; a part has `limit` bytes of records at most, its header included.

    The order of records stays, one array after the other; one part when everything fits. A record above
    the limit is a part of its own. Raises Permanent for a header above HEADER_BYTES: with one as large as a
    part, a block would become as many parts as it has records.
    """
    if len(header) > HEADER_BYTES:
        raise Permanent(
            f"the block's header has {len(header)} bytes, at most {HEADER_BYTES} are taken",
            remedy="see which node adds what to it, and ask another one: `headwater replay --refetch`",
        )
    limit -= len(header)
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
