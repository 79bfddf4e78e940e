"""What a check raises."""

from __future__ import annotations


class CheckError(ValueError):
    """A block that must not be published. `check` is the name of the check.

    `found` is what the answer has in place of what it should, "" where that is not known. Where every
    endpoint has the same it is so on the chain, and `remedy` says what to do.
    """

    def __init__(self, check: str, what: str, found: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.check = check
        self.found = found
        self.remedy = remedy

    def add(self, remedy: str) -> None:
        """Say this in the message too."""
        self.args = (f"{self} {remedy}",)
