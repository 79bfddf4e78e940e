"""What is told of an expression that is refused."""

from __future__ import annotations


class ExpressionProblem(Exception):  # noqa: N818 - it is the text that is at fault
    """`line` and `column` count from 1 within the expression; None where it is at fault as a whole."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def at(text: str, offset: int, message: str) -> ExpressionProblem:
    """A problem at a code point of the text, counted from 0."""
    before = text[: max(offset, 0)]
    return ExpressionProblem(message, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
