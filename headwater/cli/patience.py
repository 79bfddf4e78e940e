"""Commands that a deployment runs wait for a service that is still starting, bounded and by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, TypeVar

from headwater.errors import Transient
from headwater.retry import Backoff, Retry

T = TypeVar("T")
# With pauses that grow to four seconds: about half a minute.
ATTEMPTS: Final = 16


def patiently(step: Callable[[], T]) -> T:
    """The step's result, tried again while it raises Transient; its last Transient is raised.

    What is waited for is reported on standard error each time that it changes.
    """
    reported: list[str] = []

    def waiting(error: Transient, seconds: float) -> None:
        if error.message not in reported:
            reported.append(error.message)
            print(f"headwater: waiting: {error.message}", file=sys.stderr)

    return Retry(backoff=Backoff(first=0.2, ceiling=4.0), attempts=ATTEMPTS, on_failure=waiting)(step)
