"""What ends the process when all nodes go on saying it: until that has lasted it is passing trouble.

Behind one address there may be many nodes, one of them set up otherwise or just starting: a single answer
proves nothing, and a count of answers proves as little where each notification of a head makes one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater.errors import Fatal

LOOKS: Final = 5
"""How often in a row it must have been said at least, however long that took."""
START_SECONDS: Final = 5.0
"""How long, while nothing is published: settings are most likely wrong, and somebody waits for the line."""
LASTS_SECONDS: Final = 120.0
"""How long, once blocks came: nodes take a minute or two to start, and balancers as long to drop one."""


class Refusal(Fatal):
    """Every endpoint says what makes going on impossible, `cause` in a word: fatal where it lasts.

    `of_block`: of one block, others may be had.
    """

    def __init__(self, cause: str, message: str, *, remedy: str, of_block: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.cause = cause
        self.of_block = of_block


class Patience:
    """Since when, and how often in a row, one cause was said. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cause = ""
        self._since = 0.0
        self._times = 0

    def lasts(self, cause: str, seconds: float) -> bool:
        """Take into account that the cause was said now; whether it is to be believed by now."""
        now = self._clock()
        if cause != self._cause:
            self._cause, self._since, self._times = cause, now, 0
        self._times += 1
        return self._times >= LOOKS and now - self._since >= seconds

    @property
    def seconds(self) -> float:
        """For how long the present cause has been said."""
        return self._clock() - self._since if self._cause else 0.0

    def ends(self) -> None:
        """Something else was said: whatever is said next begins anew."""
        self._cause = ""
