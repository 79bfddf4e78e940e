"""Conditions of rules: what one record costs, beside CEL's own evaluation of the same text; and compiling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bench import streams
from bench.report import Row, publish
from streams.logic.alerts.cel import compile_condition
from streams.logic.alerts.cel.compiler import environment
from streams.logic.alerts.rule import Match
from streams.logic.alerts.rules import compile_rule, fields_of

_TIMES: Final = 200_000
_THEIR_TIMES: Final = 5_000
_RULES: Final = 500
_PLAIN: Final = 0.3
"""Microseconds that a comparison or three may cost: of conditions that call nothing."""
_USDC: Final = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
_ALICE, _BOB = f"0x{'a1' * 20}", f"0x{'b2' * 20}"
_APPROVAL: Final = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
_LISTS: Final = {"watched": frozenset({_ALICE})}
_TRANSFER: Final = {"token_address": _USDC, "from_address": _ALICE, "to_address": _BOB, "value": 2 * 10**12}
_LOG: Final = {
    "address": _USDC,
    "topics": [_APPROVAL, f"0x{'0' * 24}{'a1' * 20}", f"0x{'0' * 24}{'b2' * 20}"],
    "data": f"0x{5:064x}",
}
_LARGE: Final = f'token_address == "{_USDC}" && value >= 1000000000000'
# Text of a condition, kind and record; the last holds what CEL's own evaluation has no function for.
_CASES: Final[Mapping[str, tuple[str, Match, Mapping[str, Any]]]] = {
    "large transfer": (_LARGE, Match.TOKEN_TRANSFER, _TRANSFER),
    "large transfer, not in a list": (
        f"{_LARGE} && !(to_address in lists.watched)",
        Match.TOKEN_TRANSFER,
        _TRANSFER,
    ),
    "macro over topics": ('topics.exists(t, t.endsWith("b2b2"))', Match.LOG, _LOG),
    "approval": (
        f'topics[0] == "{_APPROVAL}" && size(topics) == 3 && address(topics[1]) in lists.watched '
        "&& word(data, 0) > 0",
        Match.LOG,
        _LOG,
    ),
}


def rows() -> list[Row]:
    """Microseconds a record of some conditions, and milliseconds a rule to compile."""
    return [*(_evaluated(name, *case) for name, case in _CASES.items()), _compiled()]


def _evaluated(name: str, text: str, match: Match, record: Mapping[str, Any]) -> Row:
    condition = compile_condition(text, fields_of(match)).condition
    assert condition(record, _LISTS)

    def evaluated() -> None:
        for _ in range(_TIMES):
            condition(record, _LISTS)

    cost = streams.best(evaluated) / _TIMES * 1e6
    plain = name.startswith("large")
    by_cel_expr = None if "word(" in text else _by_cel_expr(text, match, record)
    return Row(
        f"rules: {name}",
        cost,
        "µs/record",
        against="" if by_cel_expr is None else "cel-expr's own evaluation",
        other=by_cel_expr,
        target="≤ 0.3 µs" if plain else "",
        met=cost <= _PLAIN if plain else None,
    )


def _by_cel_expr(text: str, match: Match, record: Mapping[str, Any]) -> float:
    expression = environment(tuple(fields_of(match).items())).compile(text)
    data = {**record, "lists": {name: sorted(members) for name, members in _LISTS.items()}}
    assert expression.eval(data=data).value() is True

    def by_cel_expr() -> None:
        for _ in range(_THEIR_TIMES):
            expression.eval(data=data)

    return streams.best(by_cel_expr) / _THEIR_TIMES * 1e6


def _compiled() -> Row:
    def compile_all() -> None:
        for number in range(_RULES):
            where = f'token_address == "0x{number:040x}" && value > {number}'
            compile_rule(f"id: r{number}\nmatch: token-transfer\nwhere: '{where}'", number)

    cost = streams.best(compile_all) / _RULES * 1e3
    return Row("rules: read and compile", cost, "ms/rule", note="YAML, CEL's check, generated source")


if __name__ == "__main__":
    publish("rules", rows())
