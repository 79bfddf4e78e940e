"""What became of a dead letter: of the requests that were made for its block after it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from audit.repair.letters import Letter
from connectors.evm.repair.request import BlockName, Outcome, Request


class Fate(Enum):
    """The word for it."""

    OPEN = "nobody asked"
    ASKED = "asked"
    PUBLISHED = "published"
    FAILED = "failed again"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a letter; `detail` is for people."""

    fate: Fate
    detail: str = ""

    @property
    def settled(self) -> bool:
        """True when asking again would help nothing: it is under way, or was published and did not fail."""
        return self.fate in (Fate.ASKED, Fate.PUBLISHED)

    def __str__(self) -> str:
        return f"{self.fate.value}: {self.detail}" if self.detail else self.fate.value


@dataclass(frozen=True, slots=True)
class PastRequest:
    """A request and its outcome, if there is one; `at` is the broker's time of the newer of them, in ms.

    Times of brokers only: the clocks of those who ask and answer may differ from it, and from each other.
    """

    request: Request
    at: int
    outcome: Outcome | None = None


class History:
    """All that was asked, and the letters by which repairs failed."""

    def __init__(self, requests: Iterable[PastRequest], letters: Iterable[Letter]) -> None:
        self._asked: dict[int, list[PastRequest]] = defaultdict(list)
        for each in sorted(requests, key=lambda each: each.at):
            self._asked[each.request.block_number].append(each)
        self._letters = {each.sequence: each for each in letters if each.sequence is not None}

    def became(self, letter: Letter, block: BlockName) -> Became:
        """What the newest request for the letter's block came to, of those made after the letter."""
        later = [
            each
            for each in self._asked[block.number]
            if each.request.block_hash in (None, block.hash) and _after(each, letter)
        ]
        return self._came_to(later[-1]) if later else Became(Fate.OPEN)

    def _came_to(self, asked: PastRequest) -> Became:
        outcome = asked.outcome
        if outcome is None:
            return Became(Fate.ASKED, "no outcome yet")
        if outcome.refused:
            return Became(Fate.REFUSED, outcome.problem or "the listener does not say why")
        if not outcome.published or outcome.sequence is None:
            return Became(Fate.ASKED, f"{outcome.outcome}: an outcome that this version does not know")
        failed = self._letters.get(outcome.sequence)
        if failed is not None:
            return Became(Fate.FAILED, f"sequence {outcome.sequence}, in {failed.stage}: {failed.error}")
        return Became(Fate.PUBLISHED, f"sequence {outcome.sequence}")


def paired(
    requests: Iterable[tuple[int, Request]], outcomes: Iterable[tuple[int, Outcome]]
) -> list[PastRequest]:
    """Requests with the latest outcome of each, both with their times; an outcome may outlive its request."""
    found: dict[str, PastRequest] = {each.request_id: PastRequest(each, at) for at, each in requests}
    latest: Mapping[str, tuple[int, Outcome]] = {
        each.request.request_id: (at, each) for at, each in sorted(outcomes, key=lambda pair: pair[0])
    }
    found |= {name: PastRequest(each.request, at, each) for name, (at, each) in latest.items()}
    return list(found.values())


def _after(asked: PastRequest, letter: Letter) -> bool:
    """True when the request may have been made for the letter, or for one before it of the same block."""
    sequence = None if asked.outcome is None else asked.outcome.sequence
    if sequence is not None and letter.sequence is not None:
        return sequence > letter.sequence
    return asked.at >= letter.failed_at
