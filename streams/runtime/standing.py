"""What readiness says of a stage's partition: it is taken over, or there is none to take over."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from headwater.health import HEALTH

PART: Final = "assignment"


class Standing:
    """Of one process. Ready is who stands by without a partition, and who has recovered the one it has.

    A partition is taken over with its first event. One that has none is ready too: that there is none shows
    when the brokers have told its end, and by the look after that no event has come.
    """

    def __init__(self) -> None:
        self._answered = False
        self._taken: int | None = None
        self._takes = False
        self._looked = False

    def assigned(self) -> None:
        """The group said which partitions are this process's: each is taken over anew, also one that it had.

        What is being taken over for the assignment before goes on first.
        """
        self._answered = True
        self._taken, self._looked = None, False

    def takes_over(self, partition: int) -> None:
        """The first event of an assignment is here: its owner is fenced, what was decided is read back."""
        self._takes = True
        HEALTH.report(PART, False, f"partition {partition}: taking it over, its state is read back")

    def took_over(self, partition: int) -> None:
        """Events are handled from now on."""
        self._taken, self._takes = partition, False
        HEALTH.report(PART, True, f"partition {partition}")

    def look(self, partitions: Collection[int], *, recovers: bool, told: bool) -> None:
        """What is assigned now. `recovers`: the group changes, or its table is read back; `told`: the end of
        every partition is known.
        """
        if self._takes:
            return  # whoever takes over says itself what it waits for
        which = ", ".join(str(each) for each in sorted(partitions))
        if not self._answered:
            HEALTH.report(PART, False, "joining its group")
        elif recovers:
            self._looked = False
            what = f"partition {which}: its table is read back" if partitions else "its group changes"
            HEALTH.report(PART, False, what)
        elif not partitions:
            HEALTH.report(PART, True, "standing by without a partition")
        elif self._taken in partitions:
            HEALTH.report(PART, True, f"partition {which}")
        elif told and self._looked:
            HEALTH.report(PART, True, f"partition {which}, no event so far")
        else:
            self._looked = told
            HEALTH.report(PART, False, f"partition {which}: looking for events")
