"""How long a cluster that is not done is waited for: while it gets on, and a while longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from headwater.errors import Transient


def settled(
    missing: Callable[[], Sequence[str]],
    pause: Callable[[], object],
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return once nothing is missing.

    Raises Transient naming what is, when nothing more came for so many seconds. A look may take as long as
    that itself, where a broker does not answer for its partitions.
    """
    left = missing()
    fewest, deadline = len(left), clock() + seconds
    while left:
        if len(left) < fewest:
            fewest, deadline = len(left), clock() + seconds
        elif clock() > deadline:
            raise Transient(f"Kafka shows nothing more for {seconds:.0f} s, not yet: {', '.join(left)}")
        pause()
        left = missing()
