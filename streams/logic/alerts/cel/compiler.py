"""Google's CEL compiler behind one call: text and types of names in, a checked syntax tree in bytes out."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from headwater.errors import Fatal
from streams.logic.alerts.cel.problem import ExpressionProblem
from streams.logic.alerts.cel.types import ScalarType, Type

LISTS: Final = "lists"
_PLACED: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_CONTAINER: Final = " (in container '')"
_LARGE: Final = f'above {(1 << 63) - 1} it is written uint256("…")'
# What the compiler says, and what helps: amounts in the smallest unit are large, and people write 1e18.
_HINTS: Final = (
    (re.compile("invalid int literal"), _LARGE),
    (
        re.compile(r"no matching overload .*\bdouble\b"),
        f"integers are written out, without point and exponent; {_LARGE}",
    ),
    (re.compile("token recognition error at: '=[^=]"), "equal is written =="),
)
_WRAPPERS: Final = {
    ScalarType.BOOL: "BoolValue",
    ScalarType.INT: "Int64Value",
    ScalarType.STRING: "StringValue",
}
_OWN: Final = {
    "uint256": ("INT", ("STRING",)),
    "address": ("STRING", ("STRING",)),
    "word": ("INT", ("STRING", "INT")),
}
"""Functions of ours that the compiler is told of: name → result, parameters."""


def check(text: str, names: Mapping[str, Type]) -> bytes:
    """The checked tree, a `cel.expr.CheckedExpr` in a `google.protobuf.Any`.

    Raises ExpressionProblem for a text that is refused, Fatal where the compiler is not installed.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ExpressionProblem("the text is not Unicode: it has half of a surrogate pair") from error
    try:
        found: bytes = environment(tuple(names.items())).compile(text).serialize()
    except RuntimeError as error:
        raise _problem(str(error)) from error
    return found


@lru_cache(maxsize=32)
def environment(names: tuple[tuple[str, Type], ...]) -> Any:  # noqa: ANN401 - the compiler has no types that hold
    """The compiler's environment for some names. Raises Fatal where it is not installed."""
    cel = _compiler()
    variables = {name: _declared(cel, each) for name, each in names}
    variables[LISTS] = cel.Type.Map(cel.Type.STRING, cel.Type.List(cel.Type.STRING))
    functions = [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    f"{name}_own",
                    getattr(cel.Type, result),
                    [getattr(cel.Type, each) for each in parameters],
                    impl=_never,
                )
            ],
        )
        for name, (result, parameters) in _OWN.items()
    ]
    return cel.NewEnv(variables=variables, functions=functions)


def _compiler() -> Any:  # noqa: ANN401
    try:
        from cel_expr_python import cel
    except ImportError as error:
        own = f"{sys.platform} {platform.machine()}, Python {platform.python_version()}"
        raise Fatal(
            f"cel-expr-python, the compiler of rules' conditions, does not load on {own}: {error}",
            remedy="install it (pip install cel-expr-python==0.1.3); it has wheels for Linux with glibc 2.28 "
            "or later, macOS and Windows: run this command and the alert workers on one of those",
        ) from error
    return cel


def _never(*_: object) -> object:
    raise AssertionError("conditions are run by the generated source, never by cel-expr")


def _declared(cel: Any, each: Type) -> Any:  # noqa: ANN401
    if each.nullable and not each.list:
        return cel.Type(f"google.protobuf.{_WRAPPERS[each.kind]}")
    own = getattr(cel.Type, each.kind.name)
    return cel.Type.List(own) if each.list else own


def _problem(answer: str) -> ExpressionProblem:
    """From what the compiler says; the first of its complaints."""
    placed = _PLACED.search(answer)
    if placed is not None and int(placed[1]) > 0:
        message = _shortened(placed[3].replace(_CONTAINER, ""))
        hint = next((f"; {hint}" for complaint, hint in _HINTS if complaint.search(message)), "")
        return ExpressionProblem(message + hint, int(placed[1]), int(placed[2]))
    if "recursion" in answer:
        return ExpressionProblem("nested too deeply: 32 levels are the limit")
    return ExpressionProblem(_shortened((placed[3] if placed else answer).replace(_CONTAINER, "")))


def _shortened(message: str) -> str:
    """One line that a screen holds; a syntax error lists every token there is."""
    message = message.split("\n", 1)[0].removesuffix("]").strip()
    message = message.partition(" expecting {")[0]
    return message if len(message) <= 300 else message[:300] + "…"
