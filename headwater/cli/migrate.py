"""`headwater migrate`: bring the tables and views of ClickHouse up to date."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import orjson
import typer

from connectors.clickhouse.client import answering, connect
from connectors.clickhouse.migrations.runner import Step, newer, plan
from connectors.clickhouse.migrations.runner import migrate as apply
from connectors.evm.rpc.answers import NodeFailure
from connectors.evm.rpc.chain_id import ask
from headwater.cli.configuration import configured
from headwater.cli.patience import patiently
from headwater.errors import Fatal, Transient
from headwater.settings import Settings, chain_id_of

_NODE_SECONDS = 5.0
app = typer.Typer(rich_markup_mode=None)


@app.command()
def migrate(
    dry_run: bool = typer.Option(False, "--dry-run", help="Print what would run, change nothing."),
    json: bool = typer.Option(False, "--json", help="One JSON object."),
    url: str | None = typer.Option(None, "--clickhouse-url", help="HTTP interface of another ClickHouse."),
    data_dir: Path | None = typer.Option(
        None, "--data-dir", help="Directory of a local stack (./.headwater)."
    ),
) -> None:
    """Apply the migrations that are due. Safe to run twice and from several processes at once.

    Tables of a newer version are left as they are: this version runs on them, or is told that it cannot.
    """
    settings = configured({"data_dir": data_dir, "clickhouse": {"url": url}})
    chain_id = patiently(lambda: _chain_id(settings))
    steps, ahead = patiently(lambda: _migrated(settings, chain_id, dry_run=dry_run))
    if json:
        print(orjson.dumps(_described(steps, ahead, dry_run, chain_id)).decode())
        return
    for step in steps:
        scope = f" for {step.migration.scope}" if step.migration.scope else ""
        print(f"{'-- ' if dry_run else ''}{step.migration.version:04} {step.migration.name}{scope}")
        if dry_run:
            print("\n".join(f"{statement};\n" for statement in step.statements))
    if ahead:
        print(
            f"The tables are newer than this version of Headwater, which runs on them: {', '.join(ahead)} "
            "came after its last migration."
        )
    if not steps:
        print(f"Nothing to do: the database is {'newer' if ahead else 'up to date'}.")
    if chain_id is None:
        print(
            f"The ethereum_etl views of chain {settings.chain.name} were left out: its id is not known. "
            "Set chain.chain_id or chain.rpc and run this again."
        )


def _migrated(
    settings: Settings, chain_id: int | None, *, dry_run: bool
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """What was applied, or would be, and what a newer version applied before."""
    with answering(settings.clickhouse):
        client = connect(settings.clickhouse, database="")
        try:
            return (plan if dry_run else apply)(client, settings, chain_id), newer(client, settings)
        finally:
            client.close()


def chain_id_from_nodes(settings: Settings) -> int | None:
    """The chain's id: as set, else as a node says, else as the name is usually meant, else None."""
    nodes = [partial(_ask, address.get_secret_value()) for address in settings.chain.rpc]
    return chain_id_of(settings.chain.chain_id, settings.chain.name, *nodes)


def _chain_id(settings: Settings) -> int | None:
    """None only where neither settings nor nodes can ever say it. Raises Transient: the nodes may yet."""
    found = chain_id_from_nodes(settings)
    if found is None and settings.chain.rpc:
        raise Transient(
            f"no node says the id of chain {settings.chain.name}, which the ethereum_etl views need",
            remedy="see that a node of chain.rpc answers, or set chain.chain_id",
        )
    return found


def chain_id_for(settings: Settings) -> int:
    """The same for a command that cannot do without. Raises Fatal."""
    chain_id = chain_id_from_nodes(settings)
    if chain_id is None:
        raise Fatal(f"the id of chain {settings.chain.name} is not known", remedy="set chain.chain_id")
    return chain_id


def _ask(url: str) -> int | None:
    try:
        return ask(url, seconds=_NODE_SECONDS)
    except NodeFailure as error:
        print(f"headwater: {error}", file=sys.stderr)
        return None  # the next endpoint has it, or the chain's name means one


def _described(
    steps: tuple[Step, ...], ahead: tuple[str, ...], dry_run: bool, chain_id: int | None
) -> dict[str, object]:
    return {
        "applied": not dry_run,
        "newer": list(ahead),
        "chain_id": chain_id,
        "migrations": [
            {
                "version": step.migration.version,
                "name": step.migration.name,
                "scope": step.migration.scope,
                "checksum": step.migration.checksum,
                "statements": list(step.statements) if dry_run else len(step.statements),
            }
            for step in steps
        ],
    }
