"""`headwater replay`: ask the listener to say the blocks of dead letters again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from audit.repair.letters import LetterFilter
from audit.repair.plan import BlockFilter, asks_by_number, asks_of
from audit.repair.survey import survey
from headwater import clock
from headwater.cli import letters, repairs
from headwater.cli.configuration import configured
from headwater.cli.migrate import chain_id_for
from headwater.cli.moment import moment
from headwater.cli.repairs import PATIENCE_SECONDS, Asked
from headwater.digits import decimal
from headwater.errors import Fatal
from headwater.logging import configure
from headwater.settings import Settings
from topics.groups import NAMES, SINK
from topics.tail import resolve

app = typer.Typer(rich_markup_mode=None)
_TO_ASK = 2
_STAGES = (*NAMES, SINK)
MOST_BLOCKS = 10_000
"""Blocks of a range that are asked for at once: the listener reads or fetches each, four a round."""


@app.command()
def replay(
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="REGEX", help="Only letters whose error matches.")
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option("--topic", help="Only letters of this stream, or topic: where the message stood."),
    ] = None,
    stage: Annotated[
        str | None, typer.Option("--stage", help="Only letters of normalize, enrich, state or sink.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only letters from then on: 2h, 7d or 2026-11-28T13:00.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only letters before then.")] = None,
    block: Annotated[
        list[str],
        typer.Option(
            "--block", metavar="NUMBER|HASH", help="Only these blocks; one named by number needs no letter."
        ),
    ] = [],  # noqa: B006 - typer's way to repeat an option
    first: Annotated[int | None, typer.Option("--from", min=0, help="Only blocks from here.")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Only blocks up to here.")] = None,
    every: Annotated[
        bool, typer.Option("--every", help="Every block from --from to --to, those without a letter too.")
    ] = False,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Take the blocks' content from a node again, not from raw-blocks."),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also blocks that were asked for and did not fail again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask; without it nothing is changed.")] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Leave once the requests are acknowledged.")
    ] = False,
    patience: Annotated[
        float, typer.Option("--patience", min=1, help="Seconds to wait for the next outcome.")
    ] = PATIENCE_SECONDS,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
    ] = None,
) -> None:
    """Ask the listener to say the blocks of dead letters again, once what was wrong is mended.

    Dead letters hold what normalize, enrich, state or the sink could not handle in the last 30 days; their
    blocks are incomplete in the tables until they are said again. Without --yes this only shows the letters,
    what became of each, and the requests that it would make: one per block, for blocks that nobody asked for
    yet, or whose repair was refused or failed again. With --yes it makes them; the listener, which must run,
    publishes each block again under a new sequence, or says why not. Nothing else is touched, and asking
    twice does no harm.

    Exit codes: 0 there is nothing to ask, or all that was asked is published (with --no-wait: acknowledged);
    2 there is something to ask and --yes is missing; 1 a request was refused, or this command failed; 3 a
    request had no outcome in time.

    \b
    headwater replay                                  what is there, and what would be asked
    headwater replay --stage enrich --since 2h --yes  what enrich gave up in the last two hours
    headwater replay --block 19000000 --refetch --yes one block, its content from a node
    headwater replay --from 19000000 --to 19000099 --every --yes   a range, with letters or without
    """
    settings = configured({"data_dir": data_dir})
    configure("replay", "ERROR" if json else "WARNING", settings.log_format)
    wanted = _letters(settings, reason, topic, stage, since, until)
    blocks = _blocks(block, first, last, every=every)
    if every and wanted != LetterFilter():
        raise Fatal(
            "--every asks for blocks, whatever letters there are", remedy="leave the choice of letters out"
        )
    surveyed = survey(settings, wanted, blocks)
    asks = asks_of(surveyed.found, refetch=refetch, again=again)
    if wanted == LetterFilter() and blocks.numbers:
        asks += asks_by_number(blocks, surveyed.found, chain_id_for(settings), refetch=refetch)
    waited = yes and not no_wait
    asked = (
        repairs.made(settings, asks, patience=patience if waited else None, quiet=json)
        if yes and asks
        else [Asked(ask) for ask in asks]
    )
    if json:
        requests = [each.for_scripts() for each in asked]
        print(orjson.dumps({"asked": yes, **letters.for_scripts(surveyed), "requests": requests}).decode())
    else:
        letters.show(surveyed, blocks)
        if asks:
            repairs.show(asked)
            conclusion = repairs.conclusion(asked, waited=waited)
            print(conclusion if yes else "Nothing was asked: --yes asks for these blocks.")
        else:
            print(letters.nothing(surveyed))
    if not yes and asks:
        raise typer.Exit(_TO_ASK)
    raise typer.Exit(repairs.exit_code(asked, waited=waited))


def _letters(
    settings: Settings,
    reason: str | None,
    topic: str | None,
    stage: str | None,
    since: str | None,
    until: str | None,
) -> LetterFilter:
    try:
        pattern = None if reason is None else re.compile(reason)
    except re.error as error:
        raise Fatal(f"--reason {reason} is not a regular expression: {error}") from error
    if stage is not None and stage not in _STAGES:
        raise Fatal(f"unknown stage {stage}", remedy=f"known: {', '.join(_STAGES)}")
    now = clock.now_ms()
    return LetterFilter(
        reason=pattern,
        topic=None if topic is None else resolve(settings, topic),
        stage=stage,
        since=None if since is None else moment(since, "--since", now),
        until=None if until is None else moment(until, "--until", now),
    )


def _blocks(names: Sequence[str], first: int | None, last: int | None, *, every: bool) -> BlockFilter:
    numbers, hashes = set(), set()
    for name in names:
        number = decimal(name)
        if number is not None:
            numbers.add(number)
        elif re.fullmatch("(0x)?[0-9a-fA-F]{64}", name):
            hashes.add(bytes.fromhex(name.removeprefix("0x")))
        else:
            raise Fatal(f"--block {name} is neither a number nor a block's hash")
    if first is not None and last is not None and first > last:
        raise Fatal(f"no blocks from {first} to {last}", remedy="give --from no greater than --to")
    if every:
        if first is None or last is None:
            raise Fatal("--every goes with --from and --to")
        if last - first >= MOST_BLOCKS:
            raise Fatal(
                f"{last - first + 1:,} blocks are too many to be asked for at once",
                remedy=f"ask for {MOST_BLOCKS:,} at a time",
            )
        numbers |= set(range(first, last + 1))
    return BlockFilter(frozenset(numbers), frozenset(hashes), first, last)
