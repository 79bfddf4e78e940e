"""What an HTTP request asks for, read off the SQL text: a query, or an INSERT with its data behind it."""

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    rb"""
      '(?:[^'\\]|\\.|'')*'? | "(?:[^"\\]|\\.|"")*"? | `(?:[^`\\]|\\.)*`?   # quoted
    | --[^\n]* | \#[!\ ][^\n]* | /\*.*?\*/                                  # comments
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>[();])
    """,
    re.VERBOSE | re.DOTALL,
)
_FORMAT_NAME: Final = re.compile(rb"\s+([A-Za-z][A-Za-z0-9_]*)")
_DATA_STARTS: Final = re.compile(rb"[ \t\f]*;?[ \t\f]*(?:\r?\n)?")
_OPENED: Final = re.compile(rb"\s*\(")
_SETTING: Final = re.compile(rb"\s+[A-Za-z_][A-Za-z0-9_]*\s*=")
_STREAMED: Final = frozenset({"SELECT", "WITH"})
# An INSERT's head is short; data far longer than this is never looked at.
_HEAD_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `data_at` is where an INSERT's data starts in the text, None when it has none.

    `sql` lacks the FORMAT clause where there is data; `format` is the clause's name or empty;
    `settings_at` is where an INSERT's SETTINGS clause starts in `sql`, else its end. `input_at` is where the
    arguments of an INSERT … SELECT's function `input` stand in `sql`, with the function's name before them:
    that one reads the data.
    """

    verb: str
    sql: str
    format: str
    data_at: int | None
    several: bool
    settings_at: int
    input_at: tuple[int, int] | None = None

    @property
    def streams(self) -> bool:
        """Can its result be produced block by block?"""
        return self.verb in _STREAMED


def parse(text: bytes) -> Statement:
    """Read one statement; never fails, since what is wrong with it the engine says better."""
    verb, name, depth, ends, settings_at = "", "", 0, -1, -1
    selects, input_at = False, None
    head = text if len(text) <= _HEAD_BYTES else text[:_HEAD_BYTES]
    position = 0
    while (token := _TOKEN.search(head, position)) is not None:
        position = token.end()
        mark, word = token["mark"], token["word"]
        if mark == b"(":
            depth += 1
        elif mark == b")":
            depth -= 1
        elif mark == b";" and depth <= 0 and ends < 0:
            ends = token.start()
        elif word is not None:
            if ends >= 0:
                return Statement(verb, text.decode(errors="replace"), name, None, True, -1)
            upper = word.upper().decode()
            verb = verb or upper
            if selects and upper == "INPUT" and (opened := _OPENED.match(head, position)):
                input_at = _at(text, token.start()), _at(text, opened.end())
            if depth > 0:
                continue
            if verb == "INSERT" and upper == "VALUES":
                return Statement(verb, text.decode(errors="replace"), "", None, False, -1)
            if verb == "INSERT" and upper in ("SELECT", "WITH"):
                selects = True
            if verb == "INSERT" and upper == "SETTINGS" and _SETTING.match(head, position):
                settings_at = _at(text, token.start())
            if upper == "FORMAT" and (found := _FORMAT_NAME.match(head, position)):
                name = found[1].decode()
                if verb == "INSERT" and (input_at or not selects):
                    starts = _DATA_STARTS.match(text, found.end())
                    data_at = starts.end() if starts else found.end()
                    sql = text[: token.start()].decode(errors="replace")
                    return Statement(
                        verb,
                        sql,
                        name,
                        data_at,
                        False,
                        settings_at if settings_at >= 0 else len(sql),
                        input_at,
                    )
                position = found.end()
    rest = text if ends < 0 else text[:ends]
    return Statement(verb, rest.decode(errors="replace"), name, None, False, -1, input_at)


def _at(text: bytes, position: int) -> int:
    """The place in the decoded text of a place in the bytes."""
    return len(text[:position].decode(errors="replace"))
