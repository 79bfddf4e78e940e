"""What an HTTP request asks for: from its address, headers and decoded body. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from sandbox.chdb import form
from sandbox.chdb.failures import Failure
from sandbox.chdb.statement import Statement, parse

# Parameters of the HTTP interface itself; every other one is a setting.
_TRANSPORT: Final = frozenset(
    {
        "query",
        "database",
        "default_format",
        "query_id",
        "user",
        "password",
        "quota_key",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "role",
        "compress",
        "decompress",
        "wait_end_of_query",
        "buffer_size",
        "stacktrace",
        "add_http_cors_header",
        "client_protocol_version",
        "enable_http_compression",
        "http_zlib_compression_level",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
    }
)
_OFF: Final = ("", "0")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants run: `readonly` without writing, `restricted` as the reader (see `reading`)."""

    statement: Statement
    format: str
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    readonly: bool = False
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """`data` is an INSERT's data, None for other statements; `query_id` is empty when none was given."""

    request: Request
    query_id: str
    data: memoryview | None
    compress: bool


def read(path: str, header: Callable[[str], str | None], body: bytes, *, readonly: bool) -> Asked:
    """Read a request. Raises Failure for what ClickHouse refuses before it runs anything."""
    options = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
    content_type = header("Content-Type") or ""
    if content_type.startswith("multipart/form-data"):
        options.update(form.fields(content_type, body))
        body = b""
    if any(options.get(name, "") not in _OFF for name in ("compress", "decompress")):
        raise Failure(
            "Code: 48. DB::Exception: ClickHouse's own block compression (compress, decompress) is not "
            "supported here, Content-Encoding is. (NOT_IMPLEMENTED)"
        )
    head = options.get("query", "").encode()
    text = head + b"\n" + body if head and body else head or body
    statement = parse(text)
    if statement.several:
        raise Failure(
            "Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)"
        )
    if not statement.verb:
        raise Failure("Code: 62. DB::Exception: Syntax error: Empty query. (SYNTAX_ERROR)")
    if statement.input_at is not None and statement.data_at is None:
        # The engine would answer success without a row.
        raise Failure(
            "Code: 477. DB::Exception: FORMAT must be specified for function input(). "
            "(INVALID_USAGE_OF_INPUT)"
        )
    asked_format = header("X-ClickHouse-Format") or options.get("default_format")
    request = Request(
        statement,
        statement.format or asked_format or "TabSeparated",
        options.get("database") or header("X-ClickHouse-Database") or "",
        {name: value for name, value in options.items() if not _is_transport(name)},
        {name[6:]: value for name, value in options.items() if name.startswith("param_")},
        readonly,
    )
    data = None if statement.data_at is None else memoryview(text)[statement.data_at :]
    return Asked(
        request, options.get("query_id", ""), data, options.get("enable_http_compression", "") not in _OFF
    )


def _is_transport(name: str) -> bool:
    return name in _TRANSPORT or name.startswith("param_")
