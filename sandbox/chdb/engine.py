"""The chDB engine for many clients at once: a pool of connections on one path.

A chDB connection runs one statement at a time and keeps SET and USE, so each request borrows one, is
given exactly its own settings, and hands it back; what would leave traces is closed instead.
"""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from chdb import ChdbError
from chdb.state.sqlitelike import Connection

from sandbox.chdb import reading
from sandbox.chdb.failures import failure
from sandbox.chdb.request import Request
from sandbox.chdb.statement import Statement, parse

MAX_CONNECTIONS: Final = 32
_DESCRIPTORS: Final = Path("/proc/self/fd")
_SETTING: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# Each engine block of these formats is complete in itself, so blocks can be sent one behind the other.
_BLOCKWISE: Final = frozenset(
    {"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "JSONLines"}
)
# Both in one: the reader's connections serve one request each, and the next one is opened for it.
_FORMATTING: Final = parse(
    b"SELECT concat(toString({database:String} IN (SELECT name FROM system.databases)), "
    b"formatQuerySingleLine({statement:String}))"
)
_UNREADABLE: Final = (
    "SELECT concat('Code: ', toString(code), '. DB::Exception: ', last_error_message, ' (', name, ')') "
    "FROM system.errors WHERE NOT isValidUTF8(last_error_message) ORDER BY last_error_time DESC LIMIT 1"
)


class _Blocks(Protocol):
    def __next__(self) -> object: ...
    def cancel(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StatementSummary:
    """Counters of a finished statement; seconds are the engine's own."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    seconds: float = 0.0


class _Link:
    """One connection and what it was last told, so that equal requests need not tell it again."""

    def __init__(self, path: str) -> None:
        self.connection = Connection(path)
        self.database = "default"
        self.settings: dict[str, str] = {}
        # Only a server has the queue that asynchronous inserts need; here they would lose errors.
        self.connection.query("SET async_insert = 0")

    def prepare(self, request: Request) -> None:
        for name in request.settings:
            if not _SETTING.match(name):
                raise ChdbError(f"Code: 115. DB::Exception: Unknown setting '{name}'. (UNKNOWN_SETTING)")
        wanted = {"async_insert": "0", **request.settings}
        changes = [
            f"{name} = {_quoted(value)}" for name, value in wanted.items() if self.settings.get(name) != value
        ]
        changes += [f"{name} = DEFAULT" for name in self.settings if name not in wanted]
        if changes:
            # Should one be wrong, the next request must not believe that they were made.
            self.settings = dict.fromkeys([*self.settings, *wanted], "")
            self.connection.query("SET " + ", ".join(changes))
            self.settings = wanted
        database = request.database or "default"
        if database != self.database:
            self.connection.query(f"USE {identifier(database)}")
            self.database = database


class Engine:
    """The engine on `path`. Raises `Failure` with what the engine said, from every method."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._lock = threading.Condition()
        self._idle: list[_Link] = [_Link(self._path)]
        self._open = 1
        first = self._idle[0].connection.query("SELECT version(), timezone()", "TSV").bytes().decode()
        self.version, self.timezone = first.strip().split("\t")
        listed = self._idle[0].connection.query("SELECT lower(name) FROM system.table_functions", "TSV")
        self._table_functions = frozenset(listed.bytes().decode().split())

    def restrict(self, request: Request) -> Request:
        """The request as the reader may have it run: without writing, within limits, on tables only.

        Raises Failure for what he may not do.
        """
        reading.allowed_settings(request.settings)
        asked = replace(
            request,
            statement=_FORMATTING,
            format="RawBLOB",
            database="system",
            settings=reading.LIMITS,
            # The engine reads a parameter as it reads a field of TabSeparated.
            parameters={
                "statement": _escaped(request.statement.sql),
                "database": _escaped(request.database),
            },
            restricted=True,
        )
        answer = self.run(asked)[0].decode()
        is_there, formatted = answer[:1] == "1", answer[1:]
        reading.allowed(formatted, self._table_functions)
        return replace(
            request,
            statement=replace(request.statement, sql=formatted, settings_at=-1),
            database=reading.database(request.database, is_there),
            settings={**request.settings, **reading.LIMITS},
            restricted=True,
        )

    def run(self, request: Request) -> tuple[bytes, StatementSummary]:
        """Run a statement and return its whole result."""
        with self._borrowed(request) as link:
            result = link.connection.query(
                request.statement.sql, request.format, params=dict(request.parameters)
            )
            summary = StatementSummary(
                result.storage_rows_read(),
                result.storage_bytes_read(),
                result.rows_written(),
                result.bytes_written(),
                result.elapsed(),
            )
            return bytes(result.bytes()), summary

    def blocks(self, request: Request) -> Iterator[bytes]:
        """Run a SELECT and give its result block by block where the format allows it, else at once.

        Closing the iterator early cancels the query.
        """
        if not request.statement.streams or request.format not in _BLOCKWISE:
            yield self.run(request)[0]
            return
        with self._borrowed(request) as link:
            stream: _Blocks = link.connection.send_query(
                request.statement.sql, request.format, params=dict(request.parameters)
            )
            finished = False
            try:
                while True:
                    try:
                        block = next(stream)
                    except StopIteration:
                        finished = True
                        return
                    yield bytes(block.bytes())  # type: ignore[attr-defined]
            finally:
                if not finished:
                    stream.cancel()

    def insert(self, request: Request, data: BinaryIO) -> StatementSummary:
        """Insert the rows in `data`, a file (see `spool`), read from its start.

        chDB's own streaming insert answers success when a table or a view refuses the rows, so the data
        goes in as a file, as clickhouse-client would do it.
        """
        sql = _from_file(request.statement, path_of(data))
        with self._borrowed(request) as link:
            result = link.connection.query(sql, "TSV", params=dict(request.parameters))
            return StatementSummary(
                written_rows=result.rows_written(),
                written_bytes=result.bytes_written(),
                seconds=result.elapsed(),
            )

    def close(self) -> None:
        """Close what is idle; call when no request runs."""
        with self._lock:
            for link in self._idle:
                link.connection.close()
            self._idle.clear()

    @contextmanager
    def _borrowed(self, request: Request) -> Iterator[_Link]:
        link = self._take()
        # What was told to be read-only stays so: its connection serves no other request.
        keep, fixed = False, request.restricted or request.readonly
        try:
            link.prepare(request)
            if request.restricted or request.readonly:
                link.connection.query(f"SET readonly = {1 if request.restricted else 2}")
            yield link
            keep = not fixed and request.statement.verb not in ("SET", "USE")
        except ChdbError as error:
            keep = not fixed
            raise failure(str(error) or _unreadable(link), self.version) from error
        except RuntimeError as error:
            raise failure(str(error), self.version) from error
        except UnicodeDecodeError as error:
            # An error that quotes bytes of a value: chDB takes it for text.
            keep = not fixed
            raise failure(error.object.decode(errors="replace"), self.version) from error
        finally:
            self._give(link, keep)

    def _take(self) -> _Link:
        with self._lock:
            while True:
                if self._idle:
                    return self._idle.pop()
                if self._open < MAX_CONNECTIONS:
                    self._open += 1
                    break
                self._lock.wait()
        try:
            return _Link(self._path)
        except BaseException:
            with self._lock:
                self._open -= 1
                self._lock.notify()
            raise

    def _give(self, link: _Link, keep: bool) -> None:
        if not keep:
            link.connection.close()
        with self._lock:
            if keep:
                self._idle.append(link)
            else:
                self._open -= 1
            self._lock.notify()


def _unreadable(link: _Link) -> str:
    """The text of an error that came without: the engine keeps the last one of each kind.

    An error that quotes bytes of a value is not text to Python, and 3.11 raises it without any in its first
    patch releases, 3.11.2 among them, where later ones raise UnicodeDecodeError.
    """
    return bytes(link.connection.query(_UNREADABLE, "RawBLOB").bytes()).decode(errors="replace")


def _from_file(statement: Statement, path: str) -> str:
    """An INSERT that takes its data from a file."""
    if statement.input_at is not None:
        # `input` in an INSERT … SELECT gives no rows at all in chDB, and no error.
        name, arguments = statement.input_at
        sql = statement.sql
        return f"{sql[:name]}file({_quoted(path)}, '{statement.format}', {sql[arguments:]}"
    head, clause = statement.sql[: statement.settings_at], statement.sql[statement.settings_at :]
    # FROM INFILE stands between the columns and SETTINGS.
    return f"{head} FROM INFILE {_quoted(path)} COMPRESSION 'none' {clause} FORMAT {statement.format}"


def spool() -> BinaryIO:
    """A file for an INSERT's data: in memory where the system has that by a path, else a temporary one."""
    if hasattr(os, "memfd_create") and _DESCRIPTORS.is_dir():
        return os.fdopen(os.memfd_create("headwater-insert"), "w+b")
    return tempfile.NamedTemporaryFile("w+b", prefix="headwater-insert-")  # type: ignore[return-value]


def path_of(data: BinaryIO) -> str:
    """The path by which the engine opens a file of `spool`."""
    # A file in memory is named by its descriptor alone.
    return data.name if isinstance(data.name, str) else f"{_DESCRIPTORS}/{data.fileno()}"


def identifier(name: str) -> str:
    """A name as the engine reads it back. In its quotes it knows escapes as it does in text."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _escaped(value: str) -> str:
    for plain, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n")):
        value = value.replace(plain, written)
    return value
