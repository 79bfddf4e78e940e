"""What readiness says of a topic's partitions: those that are owned are read, or there are none to read."""

from __future__ import annotations

from collections.abc import Collection

from headwater.health import HEALTH, Check


class Standing:
    """Of one member of a group, which is not ready until the group has answered. `part`: as in health."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._answered = False
        self._said: Check | None = None
        self.owns((), unread=())

    def answered(self) -> None:
        """The group dealt its partitions out."""
        self._answered = True

    def owns(self, partitions: Collection[int], *, unread: Collection[int]) -> None:
        """What the member has now, and what of that is not taken over and read yet."""
        if not self._answered:
            says = Check(False, "joining its group")
        elif unread:
            says = Check(False, f"taking over and reading {_named(unread)}")
        else:
            says = Check(True, _named(partitions) if partitions else "standing by without a partition")
        # Asked many times a second.
        if says != self._said:
            self._said = says
            HEALTH.report(self._part, says.ok, says.detail)


def _named(partitions: Collection[int]) -> str:
    return f"partitions {', '.join(str(each) for each in sorted(partitions))}"
