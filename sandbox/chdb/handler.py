"""One HTTP request of ClickHouse's interface: read it, run it, answer as ClickHouse does."""

import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Final, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

import orjson

from headwater.digits import decimal, quantity
from sandbox.chdb import access, codecs
from sandbox.chdb.engine import Engine, StatementSummary, spool
from sandbox.chdb.failures import Failure
from sandbox.chdb.lingering import linger
from sandbox.chdb.logins import READER, Logins
from sandbox.chdb.reading import MAX_STATEMENT_BYTES
from sandbox.chdb.request import Request, read

_CONTENT: Final = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONLines": "application/x-ndjson; charset=UTF-8",
}
_NO_RESULT: Final = frozenset(
    {"INSERT", "CREATE", "DROP", "ALTER", "SET", "USE", "TRUNCATE", "RENAME", "DETACH"}
)


# An INSERT of the sink is some hundred megabytes at most.
MAX_BODY_BYTES: Final = 2 << 30
MAX_TRAILERS: Final = 64
_NO_LENGTH: Final = (
    "Code: 381. DB::Exception: The length of the request's body, or of a chunk of it, is not a number. "
    "(HTTP_LENGTH_REQUIRED)"
)


class Front(Protocol):
    """What a request needs of the server that took it."""

    engine: Engine
    logins: Logins
    server_port: int

    def enter(self) -> None: ...
    def leave(self) -> None: ...


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with keep-alive; the engine's errors keep their text, code and status."""

    protocol_version = "HTTP/1.1"
    # Headers and body in one segment: without it each small answer waits for a delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    _cut_off = False
    _may_compress = False
    _read = False

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a line per request would be most of what this process does."""

    def finish(self) -> None:
        """A sender that is still sending reads the answer: closing at once would reset its connection."""
        super().finish()
        linger(self.connection)

    def do_GET(self) -> None:
        """Ping, or a read-only query."""
        if self._misdirected():
            return
        address = urlsplit(self.path)
        if address.path == "/ping" or (address.path == "/" and not address.query):
            self._answer(200, b"Ok.\n", "text/html; charset=UTF-8")
        else:
            self._serve(readonly=True)

    def do_OPTIONS(self) -> None:
        """A browser asks whether a page of another origin may ask: none may."""
        if not self._misdirected():
            self._close(403, "Pages of other origins may not ask this server.")

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        self.do_GET()

    def do_POST(self) -> None:
        """Any statement, in the address, in the body, or one behind the other."""
        if not self._misdirected():
            self._serve(readonly=False)

    def _misdirected(self) -> bool:
        """Was the request refused, being for another server or from another one's page?"""
        rejection = access.misdirected(self.path, self._all, cast(Front, self.server).server_port)
        if rejection is not None:
            self._close(rejection.status, rejection.text)
        return rejection is not None

    def _all(self, name: str) -> Sequence[str]:
        return self.headers.get_all(name) or ()

    def _close(self, status: int, text: str) -> None:
        """Answer without having read the body, which then is not taken for the next request."""
        self.close_connection = True
        self._answer(status, text.encode() + b"\n")

    def _serve(self, *, readonly: bool) -> None:
        server = cast(Front, self.server)
        server.enter()
        self._read = False
        try:
            if urlsplit(self.path).path != "/":
                self._close(404, f"There is no handle {self.path}\n\nUse / or /ping.")
                return
            self._query(server, readonly)
        except Failure as error:
            # What was refused before its body was read would stand before the next request.
            self.close_connection = self.close_connection or not self._read
            self._fail(error)
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            server.leave()

    def _query(self, server: Front, readonly: bool) -> None:
        options = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        reader = access.user(self._all, options, server.logins) == READER
        body = self._body(MAX_STATEMENT_BYTES if reader else MAX_BODY_BYTES, plain=reader)
        asked = read(self.path, self.headers.get, body, readonly=readonly)
        if reader:
            asked = replace(asked, request=server.engine.restrict(asked.request), data=None)
        request, query_id = asked.request, asked.query_id or str(uuid.uuid4())
        self._may_compress = asked.compress
        if asked.data is not None:
            with spool() as data:
                data.write(asked.data)
                data.flush()
                data.seek(0)
                self._succeed(server.engine.insert(request, data), query_id)
        elif request.statement.verb in _NO_RESULT:
            self._succeed(server.engine.run(request)[1], query_id)
        else:
            self._stream(server, request, query_id)

    def _stream(self, server: Front, request: Request, query_id: str) -> None:
        self._cut_off = False
        blocks = server.engine.blocks(request)
        first = next(blocks, b"")  # an error before the first block still gets its status
        encoding = codecs.chosen(self.headers.get("Accept-Encoding", "")) if self._may_compress else ""
        tag = secrets.token_hex(8)
        self.send_response(200)
        self._common_headers(request.format, query_id, StatementSummary())
        self.send_header("X-ClickHouse-Exception-Tag", tag)
        self.send_header("Transfer-Encoding", "chunked")
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        try:
            for data in codecs.encoded(self._with_error(first, blocks, tag), encoding):
                if data and self.command != "HEAD":
                    self.wfile.write(b"%x\r\n" % len(data))
                    self.wfile.write(data)
                    self.wfile.write(b"\r\n")
                    self.wfile.flush()
            if self.command != "HEAD" and not self._cut_off:
                self.wfile.write(b"0\r\n\r\n")
        finally:
            blocks.close()  # type: ignore[attr-defined]

    def _with_error(self, first: bytes, blocks: Iterator[bytes], tag: str) -> Iterator[bytes]:
        """The blocks, and behind them the error that cut them off, framed as ClickHouse 25.11 and later do.

        The last chunk stays out then, so that a client that knows nothing of this sees a broken answer.
        """
        yield first
        try:
            yield from blocks
        except Failure as error:
            self.close_connection = self._cut_off = True
            text, mark = error.text.encode(), tag.encode()
            yield b"\r\n__exception__\r\n%b\r\n%b\n" % (mark, text)
            yield b"%d %b\r\n__exception__\r\n" % (len(text) + 1, mark)

    def _body(self, limit: int, *, plain: bool) -> bytes:
        """The decoded body. Raises Failure when it is longer than `limit`, or packed where `plain` is due."""
        encoding = self.headers.get("Content-Encoding", "").lower()
        if plain and encoding not in ("", "identity"):
            # A few bytes may unpack to more than the machine has.
            raise Failure(
                "Code: 48. DB::Exception: The reader's statements come uncompressed. (NOT_IMPLEMENTED)"
            )
        raw = self._raw(limit)
        self._read = True
        try:
            return codecs.decode(raw, encoding, limit)
        except codecs.TooLong as error:
            raise _too_large(limit) from error
        except ValueError as error:
            raise Failure(
                f"Code: 354. DB::Exception: Cannot decode the request: {error}. (ZLIB_INFLATE_FAILED)"
            ) from error

    def _raw(self, limit: int) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks(limit))
        if "Content-Length" in self.headers:
            lengths = set(self._all("Content-Length"))
            length = decimal(lengths.pop()) if len(lengths) == 1 else None
            if length is None:
                raise Failure(_NO_LENGTH)
            if length > limit:
                raise _too_large(limit)
            return self.rfile.read(length)
        if self.command == "POST" and "query=" not in self.path:
            raise Failure(
                "Code: 381. DB::Exception: The Transfer-Encoding is not chunked and there is no "
                "Content-Length header for POST request. (HTTP_LENGTH_REQUIRED)"
            )
        return b""

    def _chunks(self, limit: int) -> Iterator[bytes]:
        total = 0
        while size := self._chunk_size():
            total += size
            if total > limit:
                raise _too_large(limit)
            yield self.rfile.read(size)
            self.rfile.readline(3)
        for _ in range(MAX_TRAILERS):
            if self.rfile.readline(1 << 16) in (b"\r\n", b"\n", b""):
                return
        raise Failure(_NO_LENGTH)

    def _chunk_size(self) -> int:
        size = quantity("0x" + self.rfile.readline(64).split(b";")[0].strip().decode("ascii", "replace"))
        if size is None:
            raise Failure(_NO_LENGTH)
        return size

    def _common_headers(self, result_format: str, query_id: str, counted: StatementSummary) -> None:
        engine = cast(Front, self.server).engine
        summary = {
            "read_rows": str(counted.read_rows),
            "read_bytes": str(counted.read_bytes),
            "written_rows": str(counted.written_rows),
            "written_bytes": str(counted.written_bytes),
            "total_rows_to_read": "0",
            "result_rows": str(counted.written_rows),
            "result_bytes": str(counted.written_bytes),
            "elapsed_ns": str(int(counted.seconds * 1e9)),
        }
        self.send_header("Content-Type", _CONTENT.get(result_format, "application/octet-stream"))
        self.send_header("X-ClickHouse-Server-Display-Name", "headwater-local")
        self.send_header("X-ClickHouse-Query-Id", query_id)
        self.send_header("X-ClickHouse-Format", result_format)
        self.send_header("X-ClickHouse-Timezone", engine.timezone)
        self.send_header("X-ClickHouse-Summary", orjson.dumps(summary).decode())

    def _succeed(self, counted: StatementSummary, query_id: str) -> None:
        self.send_response(200)
        self._common_headers("TabSeparated", query_id, counted)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _fail(self, error: Failure) -> None:
        body = error.text.encode() + b"\n"
        self.send_response(error.status)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.send_header("X-ClickHouse-Exception-Code", str(error.code))
        if error.status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="ClickHouse"')
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=UTF-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _too_large(limit: int) -> Failure:
    return Failure(
        f"Code: 62. DB::Exception: The request's body is longer than {limit} bytes. (QUERY_IS_TOO_LARGE)"
    )
