"""`headwater verify`: node, coverage and tables agree block by block, or which blocks do not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson
import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from audit.repair.differences import asks_for
from audit.verify.node import NodeSource
from audit.verify.run import Report
from audit.verify.run import verify as check
from audit.verify.tables import TableSource
from connectors.clickhouse.client import connect as connect_clickhouse
from connectors.evm.pool.connect import connect as connect_nodes
from headwater.cli import repairs
from headwater.cli.configuration import configured
from headwater.cli.migrate import chain_id_for
from headwater.cli.tables import table_of
from headwater.errors import Fatal
from headwater.evm.transfers import transfers_of
from headwater.logging import configure
from headwater.redaction import brief
from headwater.settings import Settings

app = typer.Typer(rich_markup_mode=None)
_SHOWN = 50


@app.command()
def verify(
    first: int | None = typer.Option(
        None, "--from", min=0, help="First block; coverage's first when left out."
    ),
    last: int | None = typer.Option(None, "--to", min=0, help="Last block; coverage's last when left out."),
    patience: float = typer.Option(30.0, "--patience", min=0, help="Seconds that a difference may last."),
    json: bool = typer.Option(False, "--json", help="One JSON object."),
    rpc: list[str] = typer.Option([], "--rpc", help="Node to compare with; may be repeated."),
    repair: bool = typer.Option(
        False, "--repair", help="Show the requests that would have the differing blocks said again."
    ),
    yes: bool = typer.Option(False, "--yes", help="With --repair: make them."),
    no_wait: bool = typer.Option(
        False, "--no-wait", help="With --repair --yes: leave once the requests are acknowledged."
    ),
    data_dir: Path | None = typer.Option(
        None, "--data-dir", help="Directory of a local stack (./.headwater)."
    ),
) -> None:
    """Prove that node, coverage and tables agree.

    Exit code 1 and the differing blocks when they do not, whether they are asked for or not.

    Checked for each block: the chain of hashes, the numbers of transactions, logs and token transfers in
    the node, coverage and the tables, the transactions' states, and that no view shows another block.

    With --repair --yes the listener is asked to say each differing block again, its content from a node, or
    that it is not in the chain. Blocks that are only late need none of that: look at lag first. Afterwards
    verify again.
    """
    if (yes and not repair) or (no_wait and not yes):
        raise Fatal("--yes goes with --repair, --no-wait with both")
    settings = configured({"data_dir": data_dir, "chain": {"rpc": tuple(rpc) or None}})
    configure("verify", "ERROR", settings.log_format)
    chain_id = chain_id_for(settings)
    report = asyncio.run(_run(settings, chain_id, first, last, patience, quiet=json))
    if not json:
        _show(report)
    asks = asks_for(report.differences, chain_id) if repair else []
    waiting = None if no_wait else repairs.PATIENCE_SECONDS
    asked = (
        repairs.made(settings, asks, patience=waiting, quiet=json)
        if yes and asks
        else [repairs.Asked(ask) for ask in asks]
    )
    if json:
        requests = {"requests": [each.for_scripts() for each in asked]} if repair else {}
        print(orjson.dumps({"clean": report.clean, **asdict(report), **requests}).decode())
    elif asks:
        repairs.show(asked)
        conclusion = repairs.conclusion(asked, waited=not no_wait)
        print(conclusion if yes else "Nothing was asked: --repair --yes asks for these blocks.")
    if not report.clean:
        raise typer.Exit(1)


async def _run(
    settings: Settings,
    chain_id: int,
    first: int | None,
    last: int | None,
    patience: float,
    *,
    quiet: bool,
) -> Report:
    client = connect_clickhouse(settings.clickhouse)
    nodes, transport = connect_nodes(settings)
    try:
        tables = TableSource(client, settings.clickhouse.database, chain_id)
        extent = tables.extent()
        if extent is None:
            raise Fatal(
                f"ClickHouse has no block of chain {chain_id} yet",
                remedy="see `headwater status` for what runs",
            )
        low = extent[0] if first is None else first
        high = extent[1] if last is None else last
        if low > high:
            raise Fatal(f"no blocks from {low} to {high}", remedy="give --from no greater than --to")
        node = NodeSource(nodes, _count)
        with _bar(quiet) as progress:
            task = progress.add_task("blocks", total=high - low + 1)
            return await check(
                node,
                tables,
                low,
                high,
                patience_seconds=patience,
                progress=lambda n: progress.advance(task, n),
            )
    except ClickHouseError as error:
        raise Fatal(f"ClickHouse failed a question: {brief(error)}") from error
    finally:
        client.close()
        await transport.close()


def _count(emitter: bytes, topics: Sequence[bytes], data: bytes) -> int:
    return len(transfers_of(emitter, topics, data))


def _bar(quiet: bool) -> Progress:
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet)


def _show(report: Report) -> None:
    span = f"blocks {report.first} to {report.last}"
    if report.clean:
        print(f"{span}: node, coverage and tables agree on all {report.checked} ({report.seconds:.1f} s).")
        return
    rows = (
        (str(each.number), f"{each.block_hash[:12]}…", each.kind, each.detail)
        for each in report.differences[:_SHOWN]
    )
    Console().print(table_of(("block", "hash", "what", "detail"), rows))
    more = len(report.differences) - _SHOWN
    blocks = len({difference.number for difference in report.differences})
    print(f"{span}: {blocks} blocks differ{f', {more} differences not shown' if more > 0 else ''}.")
    print("`headwater verify --repair` shows what would have them said again.")
