"""What an expression may be of: a closed list, known before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ScalarType(Enum):
    """A CEL type, by the name that its compiler's messages use."""

    BOOL = "bool"
    INT = "int"
    STRING = "string"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Type:
    """A scalar, or a list of scalars. `nullable`: it, or each element of the list, may be null.

    `size` is the length of a text that is always as long, 0x included (an address has 42); `symbols` are the
    only values it has; `longest` is the number of elements that a list can have at most. The compiler knows
    nothing of these three.
    """

    kind: ScalarType
    nullable: bool = False
    list: bool = False
    size: int | None = None
    symbols: tuple[str, ...] = ()
    longest: int | None = None

    def element(self) -> Type:
        """The type of a list's elements."""
        return Type(self.kind, self.nullable, size=self.size, symbols=self.symbols)


BOOL = Type(ScalarType.BOOL)
INT = Type(ScalarType.INT)
STRING = Type(ScalarType.STRING)
