"""`headwater rules validate`: are rules sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import typer

from headwater.cli.alerting.rules import files_of
from headwater.cli.alerting.rules import read as text_of
from streams.logic.alerts.rules import Problem, ReadFile, read_file

Files = Annotated[list[Path], typer.Argument(metavar="FILE|DIR…", help="Rules in YAML.")]
Json = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]


def add_to(app: typer.Typer) -> None:
    """Register the command with `headwater rules`."""
    app.command()(validate)


@dataclass(frozen=True, slots=True)
class _Read:
    path: Path
    file: ReadFile


def validate(files: Files, json: Json = False) -> None:
    """Read and compile rules; nothing is asked of Kafka. Exit code 1 when one is refused.

    Every problem is told with file, line and column. A warning is of a rule that works and is slow.
    """
    read = [_Read(path, read_file(text_of(path))) for path in files_of(files)]
    problems = [*_problems(read), *_repeated(read)]
    warnings = [(each.path, one) for each in read for rule in each.file.rules for one in rule.warnings]
    if json:
        print(orjson.dumps(_for_scripts(read, problems, warnings)).decode())
    else:
        _show(read, problems, warnings)
    if problems:
        raise typer.Exit(1)


def _problems(read: list[_Read]) -> Iterator[tuple[Path, Problem]]:
    return ((each.path, problem) for each in read for problem in each.file.all_problems)


def _repeated(read: list[_Read]) -> Iterator[tuple[Path, Problem]]:
    """Ids that two files have: the later one would take the place of the earlier."""
    owners: dict[str, Path] = {}
    for each in read:
        for rule in each.file.rules:
            owner = owners.setdefault(rule.id, each.path)
            if rule.id and owner is not each.path:
                yield each.path, Problem(1, 1, f"the id {rule.id!r} is in {owner} too")


def _show(
    read: list[_Read], problems: list[tuple[Path, Problem]], warnings: list[tuple[Path, Problem]]
) -> None:
    for path, problem in problems:
        print(f"{path}:{problem}")
    for path, warning in warnings:
        print(f"{path}:{warning.line}:{warning.column}: warning: {warning.message}")
    number = sum(len(each.file.rules) for each in read)
    rules_are = "1 rule is" if number == 1 else f"{number:,} rules are"
    if not problems:
        print(f"{rules_are} sound")


def _for_scripts(
    read: list[_Read], problems: list[tuple[Path, Problem]], warnings: list[tuple[Path, Problem]]
) -> dict[str, object]:
    return {
        "ok": not problems,
        "rules": [
            {
                "file": str(each.path),
                "id": rule.rule.id,
                "match": rule.rule.match.value,
                "severity": rule.rule.severity.value,
                "lists": sorted(rule.rule.lists),
                "looked_up_by": [required.field for required in rule.rule.requirements],
            }
            for each in read
            for rule in each.file.rules
            if rule.rule is not None
        ],
        "problems": [_placed(path, problem) for path, problem in problems],
        "warnings": [_placed(path, warning) for path, warning in warnings],
    }


def _placed(path: Path, problem: Problem) -> dict[str, object]:
    return {
        "file": str(path),
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }
