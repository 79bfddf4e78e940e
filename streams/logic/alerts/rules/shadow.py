"""The key `shadow` in the text of a rule, read and set while all else stays as it is written."""

from __future__ import annotations

from typing import Final

import yaml
from yaml.nodes import MappingNode, Node

from headwater.errors import Permanent

KEY: Final = "shadow"


def shadowed(text: str, *, on: bool) -> str:
    """A rule's text with the key, all else as it is written. Raises Permanent for what is not a mapping."""
    if is_shadowed(text) == on:
        return text
    root, value = _root(text), "true" if on else "false"
    for key, node in root.value:
        if key.value == KEY:
            return f"{text[: node.start_mark.index]}{value}{text[node.end_mark.index :]}"
    start = _content(text)
    if root.flow_style:
        return f"{text[: start.index + 1]}{KEY}: {value}, {text[start.index + 1 :]}"
    return f"{text[: start.index]}{KEY}: {value}\n{' ' * start.column}{text[start.index :]}"


def is_shadowed(text: str) -> bool:
    """Does a rule's text say so? Raises Permanent for a text that is not a mapping."""
    values = {key.value: node.value for key, node in _root(text).value}
    return str(values.get(KEY, "false")) == "true"


def _content(text: str) -> yaml.Mark:
    """Where a text's mapping begins: behind its tag, if it has one, which the node begins with."""
    starts = (yaml.BlockMappingStartToken, yaml.FlowMappingStartToken)
    mark: yaml.Mark = next(
        each.start_mark for each in yaml.scan(text, yaml.SafeLoader) if isinstance(each, starts)
    )
    return mark


def _root(text: str) -> MappingNode:
    try:
        node: Node | None = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise Permanent(f"the rule's text is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(node, MappingNode):
        raise Permanent("the rule's text is not a mapping", remedy="apply it from its file")
    return node
