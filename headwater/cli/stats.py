"""`headwater stats`: statistics of windows, made again where they lack something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.clickhouse.client import connect
from headwater import clock
from headwater.cli.configuration import configured
from headwater.cli.history import History
from headwater.cli.migrate import chain_id_for
from headwater.cli.moment import moment
from headwater.cli.statistics.plan import READ, Plan, Planner, Verdict
from headwater.cli.statistics.progress import aggregate_state, wait_for_sink
from headwater.cli.statistics.publish import Publisher
from headwater.cli.statistics.report import conclusion, for_scripts, show
from headwater.cli.statistics.tables import Tables
from headwater.errors import Fatal
from headwater.logging import configure
from headwater.redaction import brief
from headwater.settings import Settings
from schemas import frame
from schemas.registry import Registry

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_TO_WRITE: Final = 2


@app.callback()
def about() -> None:
    """Statistics of windows of block time: see docs/statistics.md."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which windows: those of some heights or times (milliseconds), and `incomplete`, those that say so."""

    heights: tuple[int | None, int | None] = (None, None)
    times: tuple[int | None, int | None] = (None, None)
    incomplete: bool = False


@app.command()
def rebuild(
    first: Annotated[int | None, typer.Option("--from", min=0, help="Windows of blocks from here.")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Windows of blocks up to here.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Windows of block time from then on: 2h, 2026-11-28T13:00.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Windows of block time before then.")] = None,
    incomplete: Annotated[
        bool,
        typer.Option("--incomplete", help="Only windows that say they are incomplete; so without a range."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write; without it nothing is changed.")] = False,
    patience: Annotated[
        float, typer.Option("--patience", min=0, help="Seconds to wait for the sink to have stored all.")
    ] = 60.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
    ] = None,
) -> None:
    """Make windows of statistics again from the blocks that ClickHouse has.

    For windows that are final and lack something: a block of theirs was in the dead letters and has been said
    again since, or they are older than what the aggregate stage has seen. Without --yes this only shows what
    it would write. With --yes the snapshots of each window go to chain-stats, token-stats and contract-stats
    in one transaction, under the number of the last event that the aggregate stage has handled. A window
    that lacks a block is left alone, and the block is named. Nothing is written where all is right, so that
    the same command again, or after it was killed, does what is left.

    Exit codes: 0 the windows that are final are right; 2 there is something to write and --yes is missing;
    1 blocks are missing, or this command failed; 3 windows that lack something have to wait for the aggregate
    stage.

    \b
    headwater stats rebuild                          windows that say they are incomplete
    headwater stats rebuild --since 7d --yes         all windows of the last seven days
    headwater stats rebuild --from 0 --to 100000     what those of backfilled history come to
    """
    settings = configured({"data_dir": data_dir})
    configure("stats", "ERROR" if json else "WARNING", settings.log_format)
    now = clock.now_ms()
    times = tuple(
        None if text is None else moment(text, option, now)
        for text, option in ((since, "--since"), (until, "--until"))
    )
    choice = Choice((first, last), (times[0], times[1]), incomplete)
    with ExitStack() as stack:
        plans = stack.enter_context(_plans(settings, choice, patience))
        publisher = stack.enter_context(Publisher(settings)) if yes else None
        found: Counter[Verdict] = Counter()
        kept: list[Plan] = []
        for plan in plans:
            if plan.verdict is Verdict.REBUILT and publisher is not None:
                publisher.write(plan.messages)
            found[plan.verdict] += 1
            kept.append(plan.without_messages())
    if json:
        print(orjson.dumps({"written": yes, "windows": [for_scripts(each) for each in kept]}).decode())
    else:
        show(kept, written=yes)
        print(conclusion(kept, written=yes))
    raise typer.Exit(_exit_code(found, written=yes))


def _exit_code(found: Counter[Verdict], *, written: bool) -> int:
    if found[Verdict.LACKING]:
        return 1
    if found[Verdict.REBUILT] and not written:
        return _TO_WRITE
    return 3 if found[Verdict.EARLY] else 0


@contextmanager
def _plans(settings: Settings, choice: Choice, patience: float) -> Iterator[Iterator[Plan]]:
    chain_id = chain_id_for(settings)
    registry = Registry(settings)
    # In this order: what was said until the event that the state names is in Kafka by now.
    fold = aggregate_state(settings)
    wait_for_sink(settings, patience)
    client = connect(settings.clickhouse)
    try:
        database = settings.clickhouse.database
        tables = Tables(client, database, chain_id)
        ranged = any(each is not None for each in (*choice.heights, *choice.times))
        only = tables.incomplete() if choice.incomplete or not ranged else None
        planner = Planner(
            chain_id,
            fold,
            tables,
            History(client, database, chain_id, READ),
            lambda stream: frame(registry.id_for(stream)),
            only,
        )
        yield _each(planner, _span(tables, choice))
    except ClickHouseError as error:
        raise Fatal(f"ClickHouse failed a question: {brief(error)}") from error
    finally:
        client.close()


def _span(tables: Tables, choice: Choice) -> tuple[int, int]:
    """The time that is asked for, milliseconds, its end excluded."""
    first, last = choice.heights
    known = tables.times(first, last)
    if known is None:
        raise Fatal(
            f"ClickHouse has no block from {first or 0} to {'the newest' if last is None else last}",
            remedy="`headwater status` shows what runs",
        )
    since, until = choice.times
    return max(known[0], since or 0), min(known[1] + 1, known[1] + 1 if until is None else until)


def _each(planner: Planner, span: tuple[int, int]) -> Iterator[Plan]:
    for hour in planner.hours(*span):
        yield from planner.plans(hour, *span)
