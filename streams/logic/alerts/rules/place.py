"""Where a character of a scalar's value stands in the file that it was read from."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from yaml.nodes import ScalarNode

_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_ESCAPES: Final = {"x": 4, "u": 6, "U": 10}


def place_of(source: str, node: ScalarNode, line: int | None, column: int | None) -> tuple[int, int]:
    """Line and column in the file, counted from 1, of a line and column of the value.

    The value's own begin where it cannot be told: at the scalar.
    """
    own = node.start_mark.line + 1, node.start_mark.column + 1
    if line is None or column is None:
        return own
    starts = _starts(source)
    lines = node.value.split("\n")
    offset = sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
    found = _aligned(source, _first(source, node, starts), node, offset)
    if found is None:
        return own
    row = bisect_right(starts, found)
    return row, found - starts[row - 1] + 1


@lru_cache(maxsize=1)
def _starts(source: str) -> tuple[int, ...]:
    """Where each line begins. A file may have a problem in each of ten thousand rules: looked for once."""
    return (0, *(each.end() for each in _BREAK.finditer(source)))


def _first(source: str, node: ScalarNode, starts: Sequence[int]) -> int:
    """The first character of the content: behind a quote, or on the line below `|` and `>`."""
    if node.style in ("|", ">"):
        below = node.start_mark.line + 1
        return starts[below] if below < len(starts) else len(source)
    return starts[node.start_mark.line] + node.start_mark.column + (1 if node.style else 0)


def _aligned(source: str, at: int, node: ScalarNode, offset: int) -> int | None:
    """Walk value and source side by side: white space is folded, quotes are doubled or escaped."""
    for each in node.value[: offset + 1]:
        if each.isspace():
            continue
        while at < len(source) and source[at].isspace():
            at += 1
        begun = at
        if source.startswith(each, at):
            at += 2 if node.style == "'" and each == "'" else 1
        elif node.style == '"' and source.startswith("\\", at):
            at += _ESCAPES.get(source[at + 1 : at + 2], 2)
        else:
            return None
        if source[begun] == "\\" and node.style == '"' and at == begun + 1:
            at += 1
    ends = offset >= len(node.value) or node.value[offset].isspace()
    return at if ends else begun
