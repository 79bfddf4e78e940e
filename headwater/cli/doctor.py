"""`headwater doctor`: is all that the processes need as it should be, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console

from headwater.cli.configuration import configured
from headwater.cli.examination.finding import Finding, Verdict, examined, exit_code
from headwater.cli.tables import table_of
from headwater.errors import HeadwaterError
from headwater.logging import configure

app = typer.Typer(rich_markup_mode=None)
SETTINGS: Final = "settings"


@app.command()
def doctor(
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
    ] = None,
) -> None:
    """Examine what the processes need, and say what to do where it is not as it should be.

    Settings; brokers, their number and the copies of every partition; topics against the catalogue; schemas
    against the registry; each node's chain, the age of its head and its tags; the tables of ClickHouse, its
    clock and its disks; the disk of the data directory. Changes nothing, and goes on where a service is away.

    Exit codes: 0 nothing is wrong; 1 something is; 3 something could not be asked, and nothing else is wrong.
    """
    findings = list(_examined(data_dir))
    code = exit_code(findings)
    if json:
        rows = [{**asdict(each), "verdict": each.verdict.value} for each in findings]
        print(orjson.dumps({"well": code == 0, "findings": rows}).decode())
    else:
        cells = ((each.area, each.verdict.value, each.what, each.do) for each in findings)
        Console().print(table_of(("area", "", "what was found", "what to do"), cells, whole=("area", "")))
        wrong = sum(each.verdict in (Verdict.WRONG, Verdict.UNKNOWN) for each in findings)
        print(f"{wrong} to be seen to." if wrong else "All is as it should be.")
    raise typer.Exit(code)


def _examined(data_dir: Path | None) -> Iterator[Finding]:
    try:
        settings = configured({"data_dir": data_dir})
    except HeadwaterError as error:
        yield Finding(SETTINGS, Verdict.WRONG, error.message, error.remedy)
        return
    configure("doctor", "ERROR", settings.log_format)
    # Imported here, so that a wrong setting is told before the clients are loaded.
    from headwater.cli.examination.areas import areas

    for area, examine in areas(settings).items():
        yield from examined(area, examine)
