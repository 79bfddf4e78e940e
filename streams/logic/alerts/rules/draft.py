"""A rule's mapping, key by key: what each says, and what is wrong with it. Nothing is compiled yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from yaml.nodes import MappingNode, Node, ScalarNode

from streams.logic.alerts.rule import Finality, Match, Severity
from streams.logic.alerts.rules.document import entries, text, texts
from streams.logic.alerts.rules.problem import Problem, RuleError, at, nearest, shown
from streams.logic.alerts.rules.values import DAY_MS, duration, flag, name, word

MAX_GROUP: Final = 4
MAX_LABELS: Final = 32
_MAX_NAMES: Final = 64
_MAX_LABEL: Final = 256
Key = Callable[[Node, str], Any]


def _names(node: Node, what: str) -> tuple[str, ...]:
    return tuple(name(each, what) for _, each in texts(node, what, _MAX_NAMES))


def _labels(node: Node, what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in entries(node, what):
        label = text(value, f"{what}.{key.value}")
        if len(label) > _MAX_LABEL:
            raise at(value, f"a label of {len(label):,} characters, {_MAX_LABEL} is the limit")
        if key.value.startswith("label."):
            raise at(key, "names that begin with 'label.' are those of addresses' labels")
        found[name(key, f"a name in {what}")] = label
    if len(found) > MAX_LABELS:
        raise at(node, f"{len(found)} labels, {MAX_LABELS} is the limit")
    return found


KEYS: Final[Mapping[str, Key]] = {
    "id": name,
    "chains": _names,
    "severity": lambda node, what: word(node, what, Severity),
    "match": lambda node, what: word(node, what, Match),
    "of": lambda node, what: word(node, what, Match),
    "where": text,
    "group_by": lambda node, what: tuple(texts(node, what, MAX_GROUP)),
    "window": lambda node, _: node,
    "within": lambda node, what: duration(node, what, 1_000, 30 * DAY_MS),
    "finality": lambda node, what: word(node, what, Finality),
    "cooldown": lambda node, what: duration(node, what, 0, 30 * DAY_MS),
    "labels": _labels,
    "channels": _names,
    "title": text,
    "shadow": flag,
}
_REQUIRED: Final = ("id", "match")


@dataclass(slots=True)
class Draft:
    """`values` and `nodes` by key, of the keys that could be read."""

    node: Node
    values: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - a value is what its key says
        return self.values.get(key, default)

    def refuse(self, key: str, message: str) -> None:
        """Note a problem of a key, or of the rule where the key is not there."""
        self.problems.append(at(self.nodes.get(key, self.node), message).problem)


def draft_of(node: Node) -> Draft:
    """All that can be read of a rule; what is wrong is in `problems`."""
    draft = Draft(node)
    try:
        found = list(entries(node, "a rule"))
    except RuleError as error:
        draft.problems.append(error.problem)
        return draft
    for key, value in found:
        try:
            _take(draft, key, value)
        except RuleError as error:
            draft.problems.append(error.problem)
    written = {key.value for key, _ in found}
    for required in _REQUIRED:
        if required not in written:
            draft.refuse(required, f"a rule has the key {required!r}")
    return draft


def _take(draft: Draft, key: ScalarNode, value: Node) -> None:
    read = KEYS.get(key.value)
    if read is None:
        hint = nearest(key.value, KEYS)
        raise at(key, f"{shown(key.value)} is not a key of a rule{hint}; there are {', '.join(KEYS)}")
    draft.nodes[key.value] = value
    draft.values[key.value] = read(value, key.value)


def id_of(node: Node) -> str:
    """The id as it is written, for messages; empty when there is none."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == "id" and isinstance(value, ScalarNode):
                return str(value.value)
    return ""
