"""From the text of a rule to the rule: the one place that the stage and the command line take it from."""

from __future__ import annotations

from headwater.errors import Permanent
from streams.logic.alerts.rule import Rule


def compile_rule(text: str, version: int) -> Rule:
    """The rule of a text. Raises Permanent that says what is wrong with the text, and where."""
    raise Permanent(
        f"version {version} of a rule: this version of Headwater has no compiler for rules",
        remedy="install one that has, then restart the alert workers",
    )


def rules_of(source: str, name: str) -> list[tuple[str, str]]:
    """Id and text of each rule of a file, all of which compile; `name` is the file's, for problems.

    Raises Permanent as `compile_rule` does.
    """
    return [(compile_rule(source, 0).id, source)]
