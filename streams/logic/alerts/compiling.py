"""From the text of a rule to the rule: the one place that the stage and the command line take it from."""

from __future__ import annotations

from functools import partial

from streams.logic.alerts.cel import Limits
from streams.logic.alerts.configuration import CompileRule
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
    "Limits",
    "Problem",
    "ReadFile",
    "ReadRule",
    "compile_rule",
    "compiler",
    "is_shadowed",
    "read_file",
    "rules_of",
    "shadowed",
]


def compiler(limits: Limits) -> CompileRule:
    """`compile_rule` within these limits."""
    return partial(compile_rule, limits=limits)
