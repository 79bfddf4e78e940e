"""Dead letters on a screen and for scripts, as `headwater replay` prints them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from audit.repair.letters import Letter
from audit.repair.plan import BlockFilter, Found
from audit.repair.survey import Survey
from headwater.cli.repairs import SHOWN
from headwater.cli.tables import cut, short, table_of

_CELLS = ("stage", "message", "failed at", "error")


def show(surveyed: Survey, blocks: BlockFilter) -> None:
    """Tables of the letters: those of blocks, and those of none with what to do about them."""
    console = Console()
    rows: list[tuple[str, ...]]
    found = sorted(surveyed.found, key=lambda each: (each.block.number, each.letter.failed_at))
    if found:
        rows = [
            (str(each.block.number), short(each.block.hash), *_cells(each.letter), cut(str(each.became)))
            for each in found[:SHOWN]
        ]
        console.print(table_of(("block", "hash", *_CELLS, "what became of it"), rows))
        if len(found) > SHOWN:
            print(f"{len(found) - SHOWN} more letters: --json shows them.")
    strange = surveyed.without_block
    if blocks.given and strange:
        print(f"{len(strange)} letters name no block: without a choice of blocks they are listed.")
    elif strange:
        rows = [(problem.why, *_cells(letter), problem.remedy) for letter, problem in strange[:SHOWN]]
        console.print(table_of(("no block", *_CELLS, "what to do"), rows))
        if len(strange) > SHOWN:
            print(f"{len(strange) - SHOWN} more without a block: --json shows them.")


def nothing(surveyed: Survey) -> str:
    """Why there is nothing to ask."""
    if surveyed.found:
        return "Nothing to ask: all of it was asked for and has not failed again (--again asks anyway)."
    if surveyed.without_block:
        return "Nothing to ask: none of these letters is of a block."
    return "Nothing to ask: there is no such dead letter (--block NUMBER asks for a block without one)."


def _cells(letter: Letter) -> tuple[str, str, str, str]:
    at = datetime.fromtimestamp(letter.failed_at / 1_000, UTC)
    position = letter.original or letter.position
    # The chain is the same in every row; --json has the topic's whole name.
    stream = position.topic.rpartition(".v")[0].rpartition(".")[2] or position.topic
    return letter.stage, str(replace(position, topic=stream)), f"{at:%Y-%m-%d %H:%M:%S}", cut(letter.error)


def for_scripts(surveyed: Survey) -> dict[str, object]:
    """For --json."""
    return {
        "letters": [_letter(each) for each in surveyed.found],
        "without_block": [
            {**_own(letter), "why": problem.why, "remedy": problem.remedy}
            for letter, problem in surveyed.without_block
        ],
    }


def _letter(found: Found) -> dict[str, object]:
    block = found.block
    return {
        "block_number": block.number,
        "block_hash": None if block.hash is None else f"0x{block.hash.hex()}",
        **_own(found.letter),
        "became": found.became.fate.name,
        "detail": found.became.detail,
    }


def _own(letter: Letter) -> dict[str, object]:
    original = letter.original
    return {
        "dead_letter": str(letter.position),
        "topic": None if original is None else original.topic,
        "partition": None if original is None else original.partition,
        "offset": None if original is None else original.offset,
        "stage": letter.stage,
        "sequence": letter.sequence,
        "failed_at": letter.failed_at,
        "error": letter.error,
    }
