"""Regular expressions of `matches`, by RE2: their time is linear in the text, whatever the pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from headwater.errors import Fatal
from streams.logic.alerts.cel.problem import ExpressionProblem

_MEMORY: Final = 1 << 20


def matcher(pattern: str, longest: int) -> Callable[[str], bool]:
    """Does a text have it anywhere. Raises ExpressionProblem for a bad pattern, Fatal without RE2."""
    if len(pattern) > longest:
        raise ExpressionProblem(f"a pattern of {len(pattern):,} characters, {longest} is the limit")
    re2 = _re2()
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        search = re2.compile(pattern, options=options).search
    except re2.error as error:
        answer = error.args[0] if error.args else error
        reason = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
        raise ExpressionProblem(f"not a pattern of RE2: {reason}") from error

    def matches(text: str) -> bool:
        return search(text) is not None

    return matches


def _re2() -> Any:  # noqa: ANN401 - the package has no types
    try:
        import re2
    except ImportError as error:
        raise Fatal(
            f"google-re2, which matches() of rules needs, does not load here: {error}",
            remedy="pip install google-re2, or write the rule with startsWith, endsWith and contains",
        ) from error
    return re2
