"""`headwater sql`: ask ClickHouse, as a table for people or in any of its formats for programs."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console

from connectors.clickhouse.client import Client, connect
from headwater.cli.configuration import configured
from headwater.cli.tables import table_of
from headwater.errors import Fatal
from headwater.redaction import mask_url

app = typer.Typer(rich_markup_mode=None)
_SHOWN = 1_000
# How ClickHouse writes NULL where it formats for people: a word in letters that no keyboard has.
_NULL = "ᴺᵁᴸᴸ"


@app.command()
def sql(
    query: str | None = typer.Argument(None, help="One statement; standard input when left out or `-`."),
    json: bool = typer.Option(False, "--json", help="One JSON object a line."),
    format: str | None = typer.Option(
        None, "--format", help="Any output format of ClickHouse: CSV, Parquet, …"
    ),
    url: str | None = typer.Option(None, "--clickhouse-url", help="HTTP interface of another ClickHouse."),
    data_dir: Path | None = typer.Option(
        None, "--data-dir", help="Directory of a local stack (./.headwater)."
    ),
) -> None:
    """Ask ClickHouse: `headwater sql "SELECT count() FROM canonical.transactions"`."""
    settings = configured({"data_dir": data_dir, "clickhouse": {"url": url}}).clickhouse
    if query is None and sys.stdin.isatty():
        raise Fatal("no query", remedy='try `headwater sql "SELECT 1"`, or give it on standard input')
    text = sys.stdin.read() if query in (None, "-") else query
    client = connect(settings)
    try:
        if json or format:
            quoted = {"output_format_json_quote_64bit_integers": 0} if json else {}
            answer = client.raw_query(str(text), fmt="JSONEachRow" if json else format, settings=quoted)
            sys.stdout.buffer.write(readable(answer, format or ""))
            sys.stdout.buffer.flush()
        else:
            _show(client, str(text))
    except ClickHouseError as error:
        raise Fatal(f"ClickHouse at {mask_url(settings.url)}: {_reason(error)}") from error
    finally:
        client.close()


def _show(client: Client, text: str) -> None:
    answer = orjson.loads(client.raw_query(text, fmt="JSONCompactStrings") or b"{}")
    if not answer:
        return
    names = [column["name"] for column in answer["meta"]]
    numbers = {column["name"] for column in answer["meta"] if _is_number(column["type"])}
    nullable = [
        column["type"].startswith(("Nullable", "LowCardinality(Nullable")) for column in answer["meta"]
    ]
    shown = (
        ["NULL" if value == _NULL and may else str(value) for value, may in zip(row, nullable, strict=True)]
        for row in answer["data"][:_SHOWN]
    )
    Console(soft_wrap=not sys.stdout.isatty()).print(table_of(names, shown, right=numbers))
    rows, seconds = answer["rows"], answer["statistics"]["elapsed"]
    more = f", the first {_SHOWN} shown" if rows > _SHOWN else ""
    Console(stderr=True).print(f"{rows} rows in {seconds:.3f} s{more}", style="dim", highlight=False)


def readable(answer: bytes, format: str) -> bytes:
    """An answer with NULL as NULL, in formats where ClickHouse writes it for people. As wide as before."""
    people = format.startswith(("Pretty", "Vertical")) or "Strings" in format
    return answer.replace(_NULL.encode(), b"NULL") if people else answer


def _is_number(kind: str) -> bool:
    return "Array" not in kind and any(part in kind for part in ("Int", "Float", "Decimal"))


def _reason(error: ClickHouseError) -> str:
    text = str(error)
    start = text.find("Code: ")
    return (text[start:] if start >= 0 else text).split(" (for url")[0].strip()
