"""The text of rules: YAML in, compiled rules out, every problem with its line and column.

Read it in this order: `problem` (what is told), `document` (YAML, its depth and size bounded), `place` (from
a place in an expression to one in the file), `fields` (what records of a kind have), `values` (durations,
comparisons, names), `title` and `filters` (what an alert is called), `window` (thresholds), `draft` (a rule's
keys), `expression` (conditions, with their problems placed), `build` (a rule), `reading` (a file, one text),
`shadow` (one key of a text).
"""

from streams.logic.alerts.rules.fields import fields_of
from streams.logic.alerts.rules.problem import Problem
from streams.logic.alerts.rules.reading import ReadFile, ReadRule, compile_rule, read_file, rules_of
from streams.logic.alerts.rules.shadow import is_shadowed, shadowed

__all__ = [
    "Problem",
    "ReadFile",
    "ReadRule",
    "compile_rule",
    "fields_of",
    "is_shadowed",
    "read_file",
    "rules_of",
    "shadowed",
]
