"""`headwater check-stream`: the public topics keep their promises to consumers, or which they break."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from audit.stream_check.algebra.finding import KINDS, Finding
from audit.stream_check.algebra.fold import DEPTH, StreamCheck
from audit.stream_check.session import Session, opened
from headwater import clock
from headwater.cli.configuration import configured
from headwater.cli.moment import moment
from headwater.cli.patience import patiently
from headwater.cli.tables import cut, table_of
from headwater.errors import HeadwaterError
from headwater.logging import configure
from headwater.settings import Settings

app = typer.Typer(rich_markup_mode=None)
SINCE: Final = "1h"
_FOUND, _CANNOT_TELL = 1, 3
_SHOWN = 50
# Between two looks at the ends, with --follow.
_LOOK_SECONDS = 1.0


@app.command(name="check-stream")
def check_stream(
    since: Annotated[
        str | None,
        typer.Option("--since", help=f"Judge what was published since: 30m, 2h, 7d or a time ({SINCE})."),
    ] = None,
    first: Annotated[
        int | None, typer.Option("--from-block", min=0, help="Judge blocks from here on, wherever they are.")
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(
            "--to-block", min=0, help="With --from-block: the last one; read until it is deep enough."
        ),
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="Judge all that the topics have.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Then go on with what comes; findings are told at once.")
    ] = False,
    depth: Annotated[
        int, typer.Option("--depth", min=1, help="Blocks below the tip whose records are remembered.")
    ] = DEPTH,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object; with --follow one for each finding, then that.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
    ] = None,
) -> None:
    """Prove that the public topics keep their promises to consumers.

    Reads blocks, transactions, logs, token-transfers, contracts, coverage and transaction-states as any
    consumer may, outside any group and without a write, and asks neither a node nor ClickHouse. Checked:
    every block follows the tip, takes it back or repeats what is known; each has exactly the records that its
    coverage counts, below its offsets, under the right keys, event_ids and partitions; what is taken back was
    said, and what leaves is
    taken back; what stands at the end belongs to the branch; each transaction has the states that its blocks'
    events make, and none of an orphan stands.

    What begins before the range, or was deleted by retention, is not judged: the summary says how much.

    Exit codes: 0 nothing was found; 1 something was; 3 it cannot be told: Kafka or the registry does not
    answer, or nothing of the range is there to be judged.

    \b
    headwater check-stream                       what was published in the last hour
    headwater check-stream --all                 all that the topics have
    headwater check-stream --from-block 19000000 --to-block 19001000
    headwater check-stream --since 10m --follow  and go on
    """
    if (since is not None) + (first is not None) + whole > 1:
        raise typer.BadParameter("one of --since, --from-block and --all")
    if last is not None and (first is None or last < first or follow):
        raise typer.BadParameter("--to-block goes with a lower --from-block and without --follow")
    settings = configured({"data_dir": data_dir})
    configure("check-stream", "ERROR", settings.log_format)
    findings: list[Finding] = []

    def report(finding: Finding) -> None:
        findings.append(finding)
        if follow:
            print(
                orjson.dumps(_for_scripts(finding)).decode()
                if json
                else f"{finding.kind}: {_where(finding)}: {finding.detail}",
                flush=True,
            )

    now = clock.now_ms()
    since_ms = None if whole or first is not None else moment(since or SINCE, "--since", now)
    try:
        session = opened(
            settings, report, since_ms=since_ms, first=first, last=last, depth=depth, at_once=follow
        )
        try:
            _run(session, follow=follow, quiet=json)
        finally:
            session.close()
    except HeadwaterError as error:
        # Exit code 1 would say that something was found.
        print(f"headwater: {error}", file=sys.stderr)
        raise typer.Exit(_CANNOT_TELL) from error
    check = session.check
    check.close()
    judged = bool(check.tally.events)
    if json:
        print(orjson.dumps(_summary(check, findings, session.seconds, listed=not follow)).decode())
    else:
        _show(settings, check, [] if follow else findings, len(findings), session.seconds)
    raise typer.Exit(_FOUND if findings else 0 if judged else _CANNOT_TELL)


def _run(session: Session, *, follow: bool, quiet: bool) -> None:
    try:
        with _bar(session, quiet=quiet):
            session.run.range()
        if follow:
            events = sum(session.check.tally.events.values())
            print(f"headwater: {events} events judged, following; Ctrl-C sums up", file=sys.stderr)
        look = threading.Event()
        while follow:
            patiently(session.run.round)  # a broker that restarts is waited for
            look.wait(_LOOK_SECONDS)
    except KeyboardInterrupt:
        if not follow:
            raise


@contextmanager
def _bar(session: Session, *, quiet: bool) -> Iterator[None]:
    columns = (TextColumn("reading {task.fields[tip]}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("messages", total=session.to_read, tip="")

        def progress() -> None:
            tip = session.check.tip
            bar.update(task, completed=session.has_read, tip="" if tip is None else f"block {tip.number}")

        session.progress = progress
        yield
        session.progress = lambda: None


def _for_scripts(finding: Finding) -> dict[str, object]:
    return {**asdict(finding), "places": [place._asdict() for place in finding.places]}


def _where(finding: Finding) -> str:
    block = "" if finding.number is None else f"block {finding.number} {(finding.block_hash or '')[:12]}…, "
    told = ", ".join(map(str, finding.sequences))
    sequences = "" if not told else f"sequence {told}, "
    return f"{block}{sequences}at {' '.join(map(str, finding.places))}"


def _summary(
    check: StreamCheck, findings: list[Finding], seconds: float, *, listed: bool
) -> dict[str, object]:
    tally, tip = check.tally, check.tip
    return {
        "clean": not findings,
        "tip": None if tip is None else {"number": tip.number, "hash": "0x" + tip.block_hash.hex()},
        "blocks": tally.blocks,
        "events": dict(tally.events),
        "records": dict(tally.records),
        "repeats": tally.repeats,
        "unjudged": {reason: count for reason, count in tally.unjudged.items() if count},
        "seconds": round(seconds, 3),
        "found": len(findings),
        "findings": [_for_scripts(each) for each in findings] if listed else [],
    }


def _show(
    settings: Settings, check: StreamCheck, findings: list[Finding], found: int, seconds: float
) -> None:
    if findings:
        rows = ((each.kind, f"{_where(each)}\n{cut(each.detail, 400)}") for each in findings[:_SHOWN])
        Console().print(table_of(("what", "where, and what a consumer has of it"), rows, whole=("what",)))
        if found > _SHOWN:
            print(f"{found - _SHOWN} more: --json shows them.")
        for kind in sorted({each.kind for each in findings}):
            print(f"{kind}: {KINDS[kind]}")
    tally, tip = check.tally, check.tip
    events = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.events.items()))
    records = sum(tally.records.values())
    where = "" if tip is None else f", up to block {tip.number}"
    print(
        f"{settings.chain.name}: {sum(tally.events.values())} events judged ({events or 'none'}){where}: "
        f"{records} messages, {tally.repeats} repeats, {seconds:.1f} s."
    )
    for reason, count in sorted(tally.unjudged.items()):
        if count:
            print(f"Not judged in full: {count} events, {reason}.")
    if not tally.events:
        print("Nothing was judged: the range holds no event that is there as a whole.")
    else:
        print(f"{found} findings." if found else "The topics keep their promises.")
