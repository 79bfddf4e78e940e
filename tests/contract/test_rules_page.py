"""docs/rules.md: its rules compile, and it names every key, field kind, function and filter there is."""

from __future__ import annotations

import re
from typing import Final

import pytest

from streams.logic.alerts.cel.functions import NAMES
from streams.logic.alerts.rule import Finality, Function, Match, Severity
from streams.logic.alerts.rules import compile_rule, read_file
from streams.logic.alerts.rules.draft import KEYS
from streams.logic.alerts.rules.fields import STREAMS, untyped
from streams.logic.alerts.rules.filters import FILTERS
from tests.paths import ROOT

PAGE: Final = (ROOT / "docs" / "rules.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
CODE: Final = "\n".join(re.findall(r"`([^`\n]+)`", PAGE))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_rule_of_the_page_compiles_and_is_looked_up(block: str) -> None:
    (rule,) = read_file(block).rules
    assert not rule.problems
    assert not rule.warnings


def test_there_is_an_example_of_each_form() -> None:
    rules = [compile_rule(block, 0) for block in BLOCKS]
    assert any(rule.window for rule in rules)
    assert {rule.match for rule in rules} >= {Match.ABSENCE, Match.REORG, Match.TOKEN_TRANSFER}


def test_the_page_names_all_there_is() -> None:
    words = set(re.findall(r"[\w-]+", CODE))
    for own in (Match, Severity, Finality, Function):
        assert {each.value for each in own} <= words
    assert set(KEYS) <= words
    assert set(FILTERS) <= words
    assert {each for each in NAMES if each.isalnum()} <= words
    unwritten = ("_?_:_", "_[_]", "@in")
    operators = {each.strip("_") for each in NAMES if not each.isalnum() and each not in unwritten}
    assert operators <= set(CODE.replace("\\|", "|").split())
    assert {name for match in STREAMS for name in untyped(match)} <= words
