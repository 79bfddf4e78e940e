"""What is wrong with the text of a rule, and where."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from yaml.nodes import Node


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`line` and `column` count from 1 in the file."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class RuleError(Exception):
    """What is wrong with the text of a rule: carries one problem to whoever collects them."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def at(node: Node, message: str) -> RuleError:
    """A problem of a node."""
    return RuleError(Problem(node.start_mark.line + 1, node.start_mark.column + 1, message))


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that is most like a wrong one; empty when none is."""
    found = difflib.get_close_matches(name[:64], list(known), 1)
    return f"; did you mean {found[0]!r}?" if found else ""


def shown(text: str) -> str:
    """A text within a message: on one line, and no longer than a screen bears."""
    return repr(text if len(text) <= 60 else text[:60] + "…")
