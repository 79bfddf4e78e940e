"""What an examination comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from headwater.errors import HeadwaterError, Transient


class Verdict(Enum):
    """How bad it is. Only `WRONG` and `UNKNOWN` are failures."""

    OK = "ok"
    NOTE = "note"  # as somebody may want it
    WRONG = "wrong"
    UNKNOWN = "unknown"  # it could not be asked


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was found in an area, and what to `do` about it, nothing where it is well."""

    area: str
    verdict: Verdict
    what: str
    do: str = ""


def examined(area: str, examine: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of an area; what it raises is one too."""
    try:
        yield from examine()
    except Transient as error:
        yield Finding(
            area, Verdict.UNKNOWN, error.message, error.remedy or "see that it runs, then ask again"
        )
    except HeadwaterError as error:
        yield Finding(area, Verdict.WRONG, error.message, error.remedy)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 nothing is wrong, 1 something is, 3 nothing that could be asked is, and something could not."""
    verdicts = {each.verdict for each in findings}
    if Verdict.WRONG in verdicts:
        return 1
    return 3 if Verdict.UNKNOWN in verdicts else 0
