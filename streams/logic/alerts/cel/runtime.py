"""What the generated source calls. Every failure is one of FAULTS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from streams.logic.alerts.rule import ConditionError

FAULTS: Final = (ConditionError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a generated expression may raise: a null that is not a value, an index beyond a list, an overflow."""
UINT256: Final = (1 << 256) - 1
_LONGEST_TEXT: Final = 1 << 20
_WORD: Final = 64
T = TypeVar("T")


def checked(lowest: int, highest: int) -> Callable[[int], int]:
    """The check that an integer is within bounds."""

    def check(value: int) -> int:
        if lowest <= value <= highest:
            return value
        raise ConditionError(f"an integer beyond {highest.bit_length()} bits")

    return check


def divided(check: Callable[[int], int]) -> Callable[[int, int], int]:
    """Division that cuts towards zero, as CEL's does; Python's cuts downwards."""

    def divide(dividend: int, divisor: int) -> int:
        quotient = abs(dividend) // abs(divisor)
        return check(quotient if (dividend < 0) == (divisor < 0) else -quotient)

    return divide


def remainder(dividend: int, divisor: int) -> int:
    """What is left of that division: it has the dividend's sign."""
    left = abs(dividend) % abs(divisor)
    return -left if dividend < 0 else left


def element(values: Sequence[T], place: int) -> T:
    """An element of a list; raises IndexError for a negative place too."""
    if place < 0:
        raise IndexError(place)
    return values[place]


def truth(value: bool | None) -> bool:
    """What decides: a null is neither true nor false."""
    if value is None:
        raise ConditionError("a null where true or false is needed")
    return value


def bounded(longest: int) -> Callable[[Sequence[T]], Sequence[T]]:
    """The check of a list before a macro goes over it."""

    def check(values: Sequence[T]) -> Sequence[T]:
        if len(values) <= longest:
            return values
        raise ConditionError(f"a macro over a list of {len(values):,}; {longest:,} is the limit")

    return check


def joined(one: str, other: str) -> str:
    """Two texts as one; bounded, since macros can double a text again and again."""
    if len(one) + len(other) > _LONGEST_TEXT:
        raise ConditionError(f"a text of more than {_LONGEST_TEXT:,} characters")
    return one + other


def extended(longest: int) -> Callable[[list[T], list[T]], list[T]]:
    """Two lists as one, bounded as what a macro goes over is."""
    check = bounded(longest)

    def extend(one: list[T], other: list[T]) -> list[T]:
        return list(check(one + other))

    return extend


def address(word: str) -> str:
    """The address in a word of 32 bytes, such as a topic."""
    if len(word) != 66 or not word.startswith("0x000000000000000000000000"):
        raise ConditionError("address() takes 32 bytes, of which the first 12 are zero")
    return "0x" + word[26:]


def word(data: str, place: int) -> int:
    """The uint256 in the word of 32 bytes at a place of some data, counted from 0."""
    start = 2 + place * _WORD
    if place < 0 or start + _WORD > len(data):
        raise ConditionError("word() beyond the data")
    found = data[start : start + _WORD]
    # What int() takes beside digits: underscores, signs, white space, 0x, and other scripts.
    if not (found.isascii() and found.isalnum()) or found[1] in "xX":
        raise ConditionError("word() of what is not data")
    return int(found, 16)


def both(left: Callable[[], bool], right: Callable[[], bool]) -> bool:
    """`&&`: false when either is, whatever the other says; else what failed, fails."""
    try:
        first = left()
    except FAULTS:
        if right():
            raise
        return False
    return right() if first else False


def either(left: Callable[[], bool], right: Callable[[], bool]) -> bool:
    """`||`: true when either is, whatever the other says; else what failed, fails."""
    try:
        first = left()
    except FAULTS:
        if not right():
            raise
        return True
    return True if first else right()


def every(values: Sequence[T], test: Callable[[T], bool]) -> bool:
    """`all`: && over the elements."""
    return not _some(values, lambda value: not test(value))


def some(values: Sequence[T], test: Callable[[T], bool]) -> bool:
    """`exists`: || over the elements."""
    return _some(values, test)


def one(values: Sequence[T], test: Callable[[T], bool]) -> bool:
    """`exists_one`: nothing is absorbed."""
    return sum([test(value) for value in values]) == 1


def _some(values: Sequence[T], test: Callable[[T], bool]) -> bool:
    failed: Exception | None = None
    for value in values:
        try:
            if test(value):
                return True
        except FAULTS as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return False


def namespace(lowest: int, highest: int, longest: int) -> Mapping[str, object]:
    """The names that a generated source finds; there are no others."""
    check = checked(lowest, highest)
    return {
        "__builtins__": {},
        "FAULTS": FAULTS,
        "all": all,
        "any": any,
        "len": len,
        "checked": check,
        "divided": divided(check),
        "remainder": remainder,
        "element": element,
        "truth": truth,
        "bounded": bounded(longest),
        "joined": joined,
        "extended": extended(longest),
        "address": address,
        "word": word,
        "both": both,
        "either": either,
        "every": every,
        "some": some,
        "one": one,
    }
