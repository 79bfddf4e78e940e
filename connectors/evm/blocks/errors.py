"""What a check raises."""

from __future__ import annotations


class CheckError(ValueError):
    """A block that must not be published. `check` is the name of the check."""

    def __init__(self, check: str, what: str) -> None:
        super().__init__(what)
        self.check = check

    def add(self, remedy: str) -> None:
        """Say this in the message too."""
        self.args = (f"{self} {remedy}",)
