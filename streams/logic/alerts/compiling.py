"""From the text of a rule to the rule: the one place that the stage and the command line take it from."""

from __future__ import annotations

from streams.logic.alerts.rules import (
    Problem,
    ReadFile,
    ReadRule,
    compile_rule,
    is_shadowed,
    read_file,
    rules_of,
    shadowed,
)

__all__ = [
    "Problem",
    "ReadFile",
    "ReadRule",
    "compile_rule",
    "is_shadowed",
    "read_file",
    "rules_of",
    "shadowed",
]
