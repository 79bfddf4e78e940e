"""`headwater rules apply`, `list` and `remove`: put rules in force and take them out."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from headwater.cli.alerting import adopted, topic
from headwater.cli.alerting.reading import admit, read_files, sound, warnings_of
from headwater.cli.configuration import configured
from headwater.cli.tables import table_of
from headwater.errors import Fatal
from headwater.settings import Settings
from streams.logic.alerts.compiling import ReadRule, is_shadowed
from streams.logic.alerts.configuration import RULE
from streams.logic.alerts.index import unindexed

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Directory of a local stack (./.headwater).")
]
Json = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands with `headwater rules`."""
    app.command(name="apply")(apply)
    app.command(name="list")(list_rules)
    app.command(name="remove")(remove)


def apply(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE|DIR…", help="Rules in YAML; - for standard input.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Put rules in force: those of files, or of all files of a directory.

    All of them are compiled first; when one cannot be, or would be one more than may be tried with every
    record (alerts.max_unindexed), nothing is changed and the earlier texts stay. A rule whose text is in
    force already is left as it is, with its windows; one that the alert stage refused is written again.
    Workers take changes up before the next event.
    """
    settings = configured({"data_dir": data_dir})
    read = read_files(paths, settings.alerts)
    wanted = sound(read, settings.alerts.max_unindexed)
    before = topic.current(settings, RULE)
    stage = adopted.stage(settings)
    taken = {
        key: each for key, each in before.items() if adopted.standing(key, each, stage) != adopted.REFUSED
    }
    changes = changes_of(settings, wanted, taken)
    topic.write(settings, changes)
    for path, warning in warnings_of(read):
        print(f"{path}:{warning.line}:{warning.column}: warning: {warning.message}")
    for own in wanted:
        key = f"{RULE}{own}"
        print(f"{own}  {'unchanged' if key not in changes else 'changed' if key in before else 'new'}")


def changes_of(
    settings: Settings, wanted: Mapping[str, ReadRule], before: Mapping[str, topic.Written]
) -> dict[str, str | None]:
    """What is to be written for these rules to be in force. Raises Permanent where there is no room for them.

    `wanted`: id → rule; `before`: key of the topic → what stands there.
    """
    new = [
        each
        for own, each in wanted.items()
        if (known := before.get(f"{RULE}{own}")) is None or known.value != each.text
    ]
    # Those that are looked up first: one that is not slow any more makes room for another.
    new.sort(key=lambda each: each.rule is not None and unindexed(each.rule))
    in_force = [(each.offset, key.removeprefix(RULE), each.value) for key, each in before.items()]
    admit(settings, in_force, new)
    return {f"{RULE}{each.id}": each.text for each in new}


def list_rules(data_dir: DataDir = None, json: Json = False) -> None:
    """Show the rules that were applied, and whether the alert stage has them in force.

    The version is that of the text; --json shows the texts too.
    """
    settings = configured({"data_dir": data_dir})
    found, stage = topic.current(settings, RULE), adopted.stage(settings)
    rules = [
        {
            "id": key.removeprefix(RULE),
            "version": each.offset,
            "in_force": adopted.standing(key, each, stage),
            "delivered": "no: shadow" if is_shadowed(each.value) else "yes",
            "written_at": _moment(each.at),
            "written_by": each.by,
            "text": each.value,
        }
        for key, each in sorted(found.items())
    ]
    if json:
        print(orjson.dumps(rules, option=orjson.OPT_INDENT_2).decode())
        return
    columns = ("id", "version", "in_force", "delivered", "written_at", "written_by")
    rows = [[str(rule[name]) for name in columns] for rule in rules]
    Console().print(table_of(columns, rows, whole=columns[1:5], ruled=False))
    for standing in sorted({str(rule["in_force"]) for rule in rules} & adopted.EXPLAINED.keys()):
        Console().print(adopted.EXPLAINED[standing], highlight=False, markup=False)


def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Rules.")], data_dir: DataDir = None
) -> None:
    """Take rules out of force. Their windows are resolved; alerts of events still confirm or retract."""
    settings = configured({"data_dir": data_dir})
    known = topic.current(settings, RULE)
    unknown = [own for own in ids if f"{RULE}{own}" not in known]
    if unknown:
        raise not_in_force(unknown, known)
    topic.write(settings, {f"{RULE}{own}": None for own in ids})


def not_in_force(unknown: Sequence[str], known: Iterable[str]) -> Fatal:
    """The rejection of ids that name no rule. `known` are the keys that stand on the topic."""
    names = ", ".join(sorted(key.removeprefix(RULE) for key in known)) or "none"
    return Fatal(f"no rule {', '.join(unknown)} is in force", remedy=f"in force: {names}")


def _moment(at: int) -> str:
    return datetime.datetime.fromtimestamp(at / 1_000, datetime.UTC).isoformat(timespec="seconds")
