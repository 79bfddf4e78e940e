"""From the text of a rule to the rule: the one place that the stage and the command line take it from."""

from __future__ import annotations

from streams.logic.alerts.rules import compile_rule, rules_of

__all__ = ["compile_rule", "rules_of"]
