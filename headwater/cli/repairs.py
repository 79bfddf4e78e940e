"""What `headwater replay` and `headwater verify --repair` share: requests are shown, made and waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from audit.repair.asking import OutcomeReader, publish, wait
from audit.repair.plan import Ask
from connectors.evm.repair.request import Outcome
from headwater import clock
from headwater.cli.tables import cut, short, table_of
from headwater.settings import Settings

PATIENCE_SECONDS: Final = 60.0
SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """An ask that was made, or would be (`request_id` None), and what the listener did, if that is known."""

    ask: Ask
    request_id: str | None = None
    outcome: Outcome | None = None

    def for_scripts(self) -> dict[str, object]:
        """For --json."""
        block, place, outcome = self.ask.block, self.ask.original, self.outcome
        return {
            "request_id": self.request_id,
            "chain_id": block.chain_id,
            "block_number": block.number,
            "block_hash": None if block.hash is None else f"0x{block.hash.hex()}",
            "refetch": self.ask.refetch,
            "reason": self.ask.reason,
            "letters": self.ask.letters,
            "original": None if place is None else str(place),
            "outcome": None
            if outcome is None
            else {
                "outcome": outcome.outcome,
                "sequence": outcome.sequence,
                "removed": outcome.removed,
                "source": outcome.source,
                "problem": outcome.problem,
            },
        }


def made(settings: Settings, asks: Sequence[Ask], *, patience: float | None, quiet: bool) -> list[Asked]:
    """Publish a request for each ask; with `patience`, seconds without an outcome, wait for their outcomes.

    Raises Transient or Fatal; requests that were acknowledged stay.
    """
    requests = [ask.request(settings.client_id, clock.now_ms()) for ask in asks]
    if patience is None:
        publish(settings, requests)
        outcomes = {}
    else:
        columns = (TextColumn("waiting for the listener"), BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        with (
            OutcomeReader(settings) as next_outcome,
            Progress(*columns, console=console, transient=True, disable=quiet) as bar,
        ):
            publish(settings, requests)
            task = bar.add_task("outcomes", total=len(requests))
            outcomes = wait(
                next_outcome,
                {request.request_id for request in requests},
                patience_seconds=patience,
                progress=lambda: bar.advance(task),
            )
    return [
        Asked(ask, request.request_id, outcomes.get(request.request_id))
        for ask, request in zip(asks, requests, strict=True)
    ]


def show(asked: Sequence[Asked]) -> None:
    """A table of what is asked for, or would be."""
    rows = [
        (
            str(each.ask.block.number),
            short(each.ask.block.hash),
            str(each.ask.letters),
            "a node" if each.ask.refetch else "raw-blocks",
            cut(each.ask.reason),
            _answer(each),
        )
        for each in asked[:SHOWN]
    ]
    Console().print(table_of(("block", "hash", "letters", "content from", "reason", "listener"), rows))
    if len(asked) > SHOWN:
        print(f"{len(asked) - SHOWN} more requests: --json shows them.")


def conclusion(asked: Sequence[Asked], *, waited: bool) -> str:
    """One sentence or two: what became of the requests, and what to do next."""
    outcomes = [each.outcome for each in asked if each.outcome is not None]
    published = sum(outcome.published for outcome in outcomes)
    refused = sum(outcome.refused for outcome in outcomes)
    silent = len(asked) - len(outcomes)
    after = (
        '`headwater sql "SELECT * FROM canonical.repairs"` says whether a block is right again, '
        "`headwater replay` whether it failed again."
    )
    if not waited:
        return f"{_requests(silent)} in repair-requests. {after}"
    parts = [f"{published} published"]
    if refused:
        parts.append(f"{refused} refused: the reason says what helps")
    if silent:
        parts.append(
            f"{silent} without an outcome in time: does `headwater listen` of this chain run, and follow it? "
            "They stay in repair-requests for seven days: there is no need to ask again"
        )
    return f"{_requests(len(asked))}: {'; '.join(parts)}. {after}"


def exit_code(asked: Sequence[Asked], *, waited: bool) -> int:
    """0: all published, or nobody waited; 1: one was refused; 3: one has no outcome yet."""
    if not waited:
        return 0
    if any(each.outcome is not None and not each.outcome.published for each in asked):
        return 1
    return 3 if any(each.outcome is None for each in asked) else 0


def _answer(asked: Asked) -> str:
    outcome = asked.outcome
    if outcome is None:
        return "to be asked" if asked.request_id is None else "no outcome yet"
    if outcome.published:
        return f"published, sequence {outcome.sequence}{', as a removal' if outcome.removed else ''}"
    return f"{outcome.outcome.lower()}: {outcome.problem or 'no reason is given'}"


def _requests(count: int) -> str:
    return f"{count} request{'' if count == 1 else 's'}"
