"""From what a rule's keys say to the rule: each checked against the others, condition and title compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from yaml.nodes import ScalarNode

from streams.logic.alerts.cel import Compiled, Limits, ScalarType, Type, requirements_of
from streams.logic.alerts.index import looks_at, unindexed
from streams.logic.alerts.rule import Finality, Lists, Match, Record, Rule, Severity, Window
from streams.logic.alerts.rules.draft import Draft
from streams.logic.alerts.rules.expression import condition_of
from streams.logic.alerts.rules.fields import fields_of
from streams.logic.alerts.rules.place import place_of
from streams.logic.alerts.rules.problem import Problem, RuleError, at, nearest, shown
from streams.logic.alerts.rules.title import TitleProblem, compile_title
from streams.logic.alerts.rules.window import measures_of, window_of

RECORDS: Final = (
    Match.BLOCK, Match.TRANSACTION, Match.LOG, Match.TOKEN_TRANSFER, Match.CONTRACT_CREATION
)  # fmt: skip
"""Kinds of records that a block has, which can be missed."""
_ENDLESS: Final = frozenset({"input", "data", "extra", "receipt_extra"})
"""No groups are made by them: a group is in alerts and in keys of the state, and call data fits neither."""


class Builder:
    """Collects problems in the draft; `rule` is None when there are any."""

    def __init__(self, source: str, draft: Draft, limits: Limits) -> None:
        self._source, self._draft, self._limits = source, draft, limits
        self.warnings: list[Problem] = []

    def rule(self, text: str, version: int) -> Rule | None:
        """The rule of the draft."""
        draft, match = self._draft, self._draft.get("match")
        if match is None:
            return None
        records = self._records(match)
        fields = fields_of(records)
        group_by = self._group_by(fields)
        window = self._attempt(lambda: self._window(match, fields))
        where = self._attempt(lambda: self._where(records))
        title = self._attempt(lambda: self._title(match, fields, group_by, window))
        if draft.problems or title is None:
            return None
        rule = Rule(
            id=draft.get("id"),
            version=version,
            text=text,
            chains=frozenset(draft.get("chains", ())),
            severity=draft.get("severity", Severity.MEDIUM),
            match=match,
            where=_always if where is None else where.condition,
            lists=frozenset() if where is None else where.lists,
            requirements=() if where is None else requirements_of(where.expr),
            group_by=group_by,
            window=window,
            within_ms=draft.get("within"),
            finality=draft.get("finality", Finality.PROVISIONAL),
            cooldown_ms=draft.get("cooldown", 0),
            labels=draft.get("labels", {}),
            channels=draft.get("channels", ()),
            title=title,
            shadow=draft.get("shadow", False),
            of=draft.get("of"),
        )
        self._warn(rule)
        return rule

    def _records(self, match: Match) -> Match:
        """The kind of the records that the condition is about."""
        draft, of = self._draft, self._draft.get("of")
        if match is not Match.ABSENCE:
            for key in ("of", "within"):
                if key in draft.nodes:
                    draft.refuse(key, f"{key} belongs to match: absence")
            return match
        if "within" not in draft.nodes:
            draft.refuse("match", "an absence has within, the longest time without a record (within: 1d)")
        if of is None or of not in RECORDS:
            known = ", ".join(each.value for each in RECORDS)
            if of is not None or "of" not in draft.nodes:
                draft.refuse("of", f"an absence has of, the kind of record that is missing: {known}")
            return Match.BLOCK
        return Match(of)

    def _group_by(self, fields: Mapping[str, Type]) -> tuple[str, ...]:
        found: list[str] = []
        for name, node in self._draft.get("group_by", ()):
            type_ = fields.get(name)
            if type_ is None or type_.list:
                problem = f"{shown(name)} is not a field of one value{nearest(name, fields)}"
                self._draft.problems.append(at(node, problem).problem)
            elif name in _ENDLESS:
                problem = f"{name} may be of any length, and a group is named by its value"
                self._draft.problems.append(at(node, problem).problem)
            elif name in found:
                self._draft.problems.append(at(node, f"{name} is there twice").problem)
            found.append(name)
        return tuple(found)

    def _window(self, match: Match, fields: Mapping[str, Type]) -> Window | None:
        node = self._draft.get("window")
        if node is None:
            return None
        if match in (Match.STAT, Match.ABSENCE):
            raise at(node, f"a rule about {match.value} has no window: it is about time already")
        return window_of(node, fields)

    def _where(self, records: Match) -> Compiled | None:
        node = self._draft.nodes.get("where")
        if not isinstance(node, ScalarNode) or "where" not in self._draft.values:
            return None
        return condition_of(self._source, node, records, self._limits)

    def _title(
        self, match: Match, fields: Mapping[str, Type], group_by: tuple[str, ...], window: Window | None
    ) -> Callable[[Record, Mapping[str, str]], str]:
        names = dict(fields)
        if match is Match.ABSENCE or "window" in self._draft.nodes:
            names = {name: fields[name] for name in group_by if name in fields}
            # A group's values are text: they are part of the alert's identity.
            names = {name: Type(ScalarType.STRING) for name in names}
            own = ("silent_since", "window_start", "window_end") if window is None else measures_of(window)
            names |= {name: Type(ScalarType.INT) for name in own}
        text = self._draft.get("title", self._draft.get("id", ""))
        try:
            return compile_title(text, names)
        except TitleProblem as problem:
            raise self._placed(problem) from problem

    def _placed(self, problem: TitleProblem) -> RuleError:
        node = self._draft.nodes.get("title", self._draft.node)
        if not isinstance(node, ScalarNode):
            return at(node, problem.message)
        before = node.value[: problem.offset]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        return RuleError(Problem(*place_of(self._source, node, line, column), problem.message))

    def _warn(self, rule: Rule) -> None:
        """By the stage's own word, which refuses such rules above a number of them."""
        if unindexed(rule):
            node = self._draft.nodes.get("where", self._draft.node)
            message = (
                f"this rule is tried with every {looks_at(rule).value}: with a condition such as "
                'FIELD == "…" or FIELD in lists.NAME, joined by &&, it is looked up instead'
            )
            self.warnings.append(at(node, message).problem)
        if rule.match is Match.REORG and rule.window is None and rule.finality is not Finality.PROVISIONAL:
            message = "a reorg is a fact of the log: its alert is confirmed at once, whatever finality says"
            self.warnings.append(at(self._draft.nodes["finality"], message).problem)

    def _attempt(self, step: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the step gives
        try:
            return step()
        except RuleError as error:
            self._draft.problems.append(error.problem)
            return None


def _always(record: Record, lists: Lists) -> bool:
    return True
