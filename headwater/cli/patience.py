"""Commands that a deployment runs wait for a service that is still starting, bounded and by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

from headwater.errors import Transient
from headwater.retry import Backoff, Retry

T = TypeVar("T")
SECONDS: Final = 40.0
"""Within which a try may begin. The longest one takes 20 s, so that a minute passes at most."""


def patiently(step: Callable[[], T]) -> T:
    """The step's result, tried again for SECONDS while it raises Transient; its last Transient is raised.

    What is waited for is reported on standard error each time that it changes.
    """
    reported: list[str] = []
    until = monotonic() + SECONDS

    def waiting(error: Transient, seconds: float) -> None:
        if monotonic() + seconds > until:
            raise error
        if error.message not in reported:
            reported.append(error.message)
            print(f"headwater: waiting: {error.message}", file=sys.stderr)

    return Retry(backoff=Backoff(first=0.2, ceiling=4.0), on_failure=waiting)(step)
