"""ClickHouse's errors on the wire: the text it writes, the code's header and the HTTP status it picks."""

import re
from typing import Final

_CODE: Final = re.compile(r"Code: (\d+)\. ")
_NAME: Final = re.compile(r"\(([A-Z][A-Z0-9_]+)\)(?: \(version .*\))?\s*\Z")

# As src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse maps them; everything else is 500.
_STATUS: Final[dict[int, tuple[str, ...]]] = {
    401: ("REQUIRED_PASSWORD",),
    403: ("ACCESS_DENIED", "UNKNOWN_USER", "WRONG_PASSWORD", "AUTHENTICATION_FAILED", "SET_NON_GRANTED_ROLE"),
    400: (
        "BAD_ARGUMENTS",
        "CANNOT_COMPILE_REGEXP",
        "CANNOT_PARSE_TEXT",
        "CANNOT_PARSE_ESCAPE_SEQUENCE",
        "CANNOT_PARSE_QUOTED_STRING",
        "CANNOT_PARSE_DATE",
        "CANNOT_PARSE_DATETIME",
        "CANNOT_PARSE_NUMBER",
        "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
        "CANNOT_PARSE_IPV4",
        "CANNOT_PARSE_IPV6",
        "CANNOT_PARSE_UUID",
        "DUPLICATE_COLUMN",
        "ILLEGAL_COLUMN",
        "UNKNOWN_ELEMENT_IN_AST",
        "UNKNOWN_TYPE_OF_AST_NODE",
        "TOO_DEEP_AST",
        "TOO_BIG_AST",
        "UNEXPECTED_AST_STRUCTURE",
        "SYNTAX_ERROR",
        "INCORRECT_DATA",
        "TYPE_MISMATCH",
        "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    ),
    404: (
        "UNKNOWN_TABLE",
        "UNKNOWN_FUNCTION",
        "UNKNOWN_IDENTIFIER",
        "UNKNOWN_TYPE",
        "UNKNOWN_STORAGE",
        "UNKNOWN_DATABASE",
        "UNKNOWN_SETTING",
        "UNKNOWN_DIRECTION_OF_SORTING",
        "UNKNOWN_AGGREGATE_FUNCTION",
        "UNKNOWN_FORMAT",
        "UNKNOWN_DATABASE_ENGINE",
        "UNKNOWN_TYPE_OF_QUERY",
    ),
    408: ("TIMEOUT_EXCEEDED",),
    411: ("HTTP_LENGTH_REQUIRED",),
    413: ("QUERY_IS_TOO_LARGE",),
    501: ("NOT_IMPLEMENTED",),
    503: ("SOCKET_TIMEOUT", "CANNOT_OPEN_FILE", "CANNOT_SCHEDULE_TASK"),
}
_STATUS_OF: Final = {name: status for status, names in _STATUS.items() for name in names}


class Failure(Exception):  # noqa: N818 - what the engine answered, not a fault of this server
    """An error as the engine words it. `text` begins with `Code: N. DB::Exception:`."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def code(self) -> int:
        """ClickHouse's error code."""
        found = _CODE.match(self.text)
        return int(found[1]) if found else 1002

    @property
    def status(self) -> int:
        """The HTTP status that ClickHouse gives such an error."""
        found = _NAME.search(self.text)
        return _STATUS_OF.get(found[1], 500) if found else 500


def failure(message: str, version: str) -> Failure:
    """Word chDB's message as the server does: from `Code:` on, with the version at the end."""
    found = _CODE.search(message)
    text = message[found.start() :] if found else f"Code: 1002. DB::Exception: {message} (UNKNOWN_EXCEPTION)"
    text = text.strip()
    if "(version " not in text:
        text += f" (version {version} (official build))"
    return Failure(text)
