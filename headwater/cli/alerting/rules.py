"""`headwater rules apply`, `list` and `remove`: put rules in force and take them out."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from headwater.cli.alerting import topic
from headwater.cli.configuration import configured
from headwater.errors import Fatal
from streams.logic.alerts.compiling import rules_of
from streams.logic.alerts.configuration import RULE

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]
Json = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]
_ENDINGS: Final = (".yaml", ".yml")


def add_to(app: typer.Typer) -> None:
    """Register the commands with `headwater rules`."""
    app.command(name="apply")(apply)
    app.command(name="list")(list_rules)
    app.command(name="remove")(remove)


def apply(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|DIR…", help="Rules in YAML.")],
    data_dir: DataDir = None,
) -> None:
    """Put rules in force: those of files, or of all files of a directory.

    All of them are compiled first; when one cannot be, nothing is changed and the earlier texts stay. A rule
    whose text is in force already is left as it is, with its windows. The alert workers take changes up
    before the next event.
    """
    settings = configured({"data_dir": data_dir})
    wanted: dict[str, str] = {}
    for path in files_of(paths):
        for own, text in rules_of(read(path), str(path)):
            if own in wanted:
                raise Fatal(f"{path}: rule {own} is in these files twice", remedy="give it another id")
            wanted[own] = text
    before = topic.current(settings, RULE)
    changes: dict[str, str | None] = {
        f"{RULE}{own}": text
        for own, text in wanted.items()
        if (known := before.get(f"{RULE}{own}")) is None or known.value != text
    }
    topic.write(settings, changes)
    for own in wanted:
        key = f"{RULE}{own}"
        print(f"{own}  {'unchanged' if key not in changes else 'changed' if key in before else 'new'}")


def list_rules(data_dir: DataDir = None, json: Json = False) -> None:
    """Show the rules in force, with their versions; --json shows their texts too."""
    found = topic.current(configured({"data_dir": data_dir}), RULE)
    rules = [
        {
            "id": key.removeprefix(RULE),
            "version": each.offset,
            "written_at": _moment(each.at),
            "written_by": each.by,
            "text": each.value,
        }
        for key, each in sorted(found.items())
    ]
    if json:
        print(orjson.dumps(rules, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table(box=None, pad_edge=False)
    columns = ("id", "version", "written_at", "written_by")
    for name in columns:
        table.add_column(name, overflow="fold")
    for rule in rules:
        table.add_row(*(str(rule[name]) for name in columns))
    Console().print(table)


def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Rules.")], data_dir: DataDir = None
) -> None:
    """Take rules out of force. Their windows are resolved; alerts of events still confirm or retract."""
    settings = configured({"data_dir": data_dir})
    known = topic.current(settings, RULE)
    unknown = [own for own in ids if f"{RULE}{own}" not in known]
    if unknown:
        names = ", ".join(sorted(key.removeprefix(RULE) for key in known)) or "none"
        raise Fatal(f"no rule {', '.join(unknown)} is in force", remedy=f"in force: {names}")
    topic.write(settings, {f"{RULE}{own}": None for own in ids})


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files, and those of the directories in order of their names. Raises Fatal where there are none."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            own = sorted(each for each in path.iterdir() if each.suffix in _ENDINGS)
            if not own:
                raise Fatal(f"{path} has no file that ends in {' or '.join(_ENDINGS)}")
            found += own
        else:
            found.append(path)
    return found


def read(path: Path) -> str:
    """The text of a file. Raises Fatal."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise Fatal(f"{path}: {error.strerror}", remedy="name files of rules, in YAML") from error
    except UnicodeDecodeError as error:
        raise Fatal(f"{path}: not UTF-8, at byte {error.start}", remedy="save the file as UTF-8") from error


def _moment(at: int) -> str:
    return datetime.datetime.fromtimestamp(at / 1_000, datetime.UTC).isoformat(timespec="seconds")
