"""`headwater rules validate`: are rules sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from headwater.cli.alerting.reading import Placed, RuleFile, problems_of, read_files, warnings_of
from headwater.cli.configuration import configured
from streams.logic.alerts.compiling import Problem

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE|DIR…", help="Rules in YAML; - for standard input.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON, for scripts.")]


def add_to(app: typer.Typer) -> None:
    """Register the command with `headwater rules`."""
    app.command()(validate)


def validate(files: Files, json: Json = False) -> None:
    """Read and compile rules; nothing is asked of Kafka. Exit code 1 when one is refused.

    Every problem is told with file, line and column. A warning is of a rule that works and is slow: of those
    there may be so many as alerts.max_unindexed says.
    """
    bounds = configured().alerts
    read = read_files(files, bounds)
    problems = problems_of(read, bounds.max_unindexed)
    warnings = warnings_of(read)
    if json:
        print(orjson.dumps(_for_scripts(read, problems, warnings)).decode())
    else:
        _show(read, problems, warnings)
    if problems:
        raise typer.Exit(1)


def _show(read: list[RuleFile], problems: list[Placed], warnings: list[Placed]) -> None:
    for path, problem in problems:
        print(f"{path}:{problem}")
    for path, warning in warnings:
        print(f"{path}:{warning.line}:{warning.column}: warning: {warning.message}")
    number = sum(len(each.file.rules) for each in read)
    rules_are = "1 rule is" if number == 1 else f"{number:,} rules are"
    if not problems:
        print(f"{rules_are} sound")


def _for_scripts(read: list[RuleFile], problems: list[Placed], warnings: list[Placed]) -> dict[str, object]:
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
