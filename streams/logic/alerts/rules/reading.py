"""A file of rules, and the one rule of a text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import yaml
from yaml.nodes import Node, SequenceNode

from headwater.errors import Permanent
from streams.logic.alerts.cel import Limits
from streams.logic.alerts.rule import Rule
from streams.logic.alerts.rules.build import Builder
from streams.logic.alerts.rules.document import root_of
from streams.logic.alerts.rules.draft import draft_of, id_of
from streams.logic.alerts.rules.problem import Problem, RuleError, at

MAX_RULES: Final = 10_000
MAX_TEXT: Final = 16_384
_SHOWN: Final = 5
LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class ReadRule:
    """`rule` is None exactly when there are problems. `text` is what `compile_rule` takes."""

    id: str
    text: str
    rule: Rule | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """`problems` are those of the file; each rule has its own."""

    rules: tuple[ReadRule, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """Of the file and of its rules, from the top."""
        return tuple(sorted([*self.problems, *(each for rule in self.rules for each in rule.problems)]))


def read_file(source: str, limits: Limits = LIMITS) -> ReadFile:
    """The rules of a text in YAML: one mapping, or a list of them. Raises Fatal without the CEL compiler."""
    source = source.removeprefix("\ufeff")
    try:
        root = root_of(source)
    except RuleError as error:
        return ReadFile((), (error.problem,))
    if not isinstance(root, SequenceNode):
        return ReadFile((_read(source, root, source, limits),))
    if len(root.value) > MAX_RULES:
        message = f"{len(root.value):,} rules in a file, {MAX_RULES:,} is the limit"
        return ReadFile((), (at(root, message).problem,))
    if not root.value:
        return ReadFile((), (at(root, "the file has no rule").problem,))
    rules = tuple(_read(source, node, _text(node), limits) for node in root.value)
    return ReadFile(rules, tuple(_repeated(root, rules)))


def compile_rule(text: str, version: int, limits: Limits = LIMITS) -> Rule:
    """The rule of a text. Raises Permanent with what is wrong and where, Fatal as `read_file` does."""
    found = read_file(text, limits)
    _accept(found, "a rule")
    if len(found.rules) != 1:
        raise Permanent(f"a text of {len(found.rules)} rules where one is expected")
    rule = found.rules[0].rule
    assert rule is not None
    return replace(rule, version=version)


def rules_of(source: str, name: str, limits: Limits = LIMITS) -> list[tuple[str, str]]:
    """Id and text of each rule of a file, all of which compile; `name` is the file's, for problems.

    Raises as `compile_rule` does.
    """
    found = read_file(source, limits)
    _accept(found, name)
    return [(each.id, each.text) for each in found.rules]


def _accept(found: ReadFile, name: str) -> None:
    problems = found.all_problems
    if problems:
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        raise Permanent(
            f"{name} is refused: {'; '.join(map(str, problems[:_SHOWN]))}{more}",
            remedy="mend the text: headwater rules validate FILE shows all that is wrong with it",
        )


def _read(source: str, node: Node, text: str, limits: Limits) -> ReadRule:
    own = id_of(node)
    if len(text) > MAX_TEXT:
        message = f"a rule of {len(text):,} characters, {MAX_TEXT:,} is the limit: addresses can be a list"
        return ReadRule(own, text, None, (at(node, message).problem,), ())
    draft = draft_of(node)
    builder = Builder(source, draft, limits)
    rule = builder.rule(text, 0)
    return ReadRule(own, text, rule, tuple(sorted(draft.problems)), tuple(builder.warnings))


def _text(node: Node) -> str:
    """One rule of a list as a text of its own."""
    return str(yaml.serialize(node, allow_unicode=True, width=1_000))


def _repeated(root: SequenceNode, rules: tuple[ReadRule, ...]) -> list[Problem]:
    known: set[str] = set()
    problems = []
    for node, rule in zip(root.value, rules, strict=True):
        if rule.id and rule.id in known:
            problems.append(at(node, f"the id {rule.id!r} is there twice").problem)
        known.add(rule.id)
    return problems
