"""YAML as nodes that know their place. Nothing is constructed; what is deep or huge is not even composed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from streams.logic.alerts.rules.problem import Problem, RuleError, at, shown

MAX_CHARACTERS: Final = 4 << 20
MAX_DEPTH: Final = 5
"""Levels of collections: a list, a rule, its window or labels, and room for a problem to be told of."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PREFIX: Final = "tag:yaml.org,2002:"
_SCALARS: Final = frozenset({"str", "int", "float", "bool", "timestamp"})


def root_of(source: str) -> Node:
    """The one document of a text. Raises RuleError."""
    if len(source) > MAX_CHARACTERS:
        raise RuleError(
            Problem(1, 1, f"{len(source):,} characters, {MAX_CHARACTERS:,} is the limit of a file")
        )
    try:
        _check(source)
        root = yaml.compose(source, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        raise RuleError(
            Problem(line, column, f"not YAML: {_one_line(error.problem or error.context)}")
        ) from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise RuleError(Problem(1, 1, f"not YAML: {_one_line(str(error))}")) from error
    if root is None:
        raise RuleError(Problem(1, 1, "the file has no rule"))
    return root


def _check(source: str) -> None:
    """Depth and aliases, from events, of which there is never more than one at a time."""
    depth = 0
    for event in yaml.parse(source, Loader=_LOADER):
        mark = event.start_mark
        assert mark is not None  # every event of a text has one
        line, column = mark.line + 1, mark.column + 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise RuleError(Problem(line, column, "nested too deeply for a rule"))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise RuleError(Problem(line, column, "aliases are not part of a rule: write it out"))


def entries(node: Node, what: str) -> Iterator[tuple[ScalarNode, Node]]:
    """The keys and values of a mapping. Raises RuleError for any other node and for a key twice."""
    if not isinstance(node, MappingNode):
        raise at(node, f"{what} is a mapping, of keys and values")
    known: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise at(key, f"a key of {what} is a word")
        if key.value in known:
            raise at(key, f"{shown(key.value)} is there twice")
        known.add(key.value)
        yield key, value


def text(node: Node, what: str) -> str:
    """A scalar as it is written. Raises RuleError."""
    if not isinstance(node, ScalarNode):
        raise at(node, f"{what} is one value, not a collection")
    tag = node.tag.removeprefix(_PREFIX)
    if tag == "null":
        raise at(node, f"{what} has no value")
    if tag not in _SCALARS:
        raise at(node, f"{what} has a tag that is not part of a rule: {shown(node.tag)}")
    return str(node.value)


def texts(node: Node, what: str, most: int) -> list[tuple[str, Node]]:
    """A list of scalars, or one alone. Raises RuleError."""
    nodes = node.value if isinstance(node, SequenceNode) else [node]
    if len(nodes) > most:
        raise at(node, f"{what}: {len(nodes):,} of them, {most} is the limit")
    return [(text(each, f"an entry of {what}"), each) for each in nodes]


def _one_line(message: str | None) -> str:
    return " ".join((message or "unreadable").split())[:200]
