"""Clients of ClickHouse's HTTP interface, with the settings that the tables' guarantees rest on."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from headwater.errors import Fatal, Transient
from headwater.heartbeat import waiting
from headwater.redaction import brief, mask_url, redact, secrets_of
from headwater.settings import ClickHouseSettings

# Rows are idempotent by identity, so the server's own deduplication could only lose some: it drops a
# replay, and different rows under one token. Asynchronous inserts would acknowledge before rows are in.
# History spans more than the 100 partitions that one insert may touch by default.
INSERT_SETTINGS: Final[Mapping[str, int | str]] = {
    "async_insert": 0,
    "max_partitions_per_insert_block": 0,
    "insert_deduplicate": 0,
    "deduplicate_insert": "disable",
    "deduplicate_blocks_in_dependent_materialized_views": 0,
    # Replacing rows is the merges' work and FINAL's; doing it to each batch too is a third of an insert.
    "optimize_on_insert": 0,
    # By default a Distributed table acknowledges rows that no shard has yet: offsets would be committed
    # over nothing.
    "distributed_foreground_insert": 1,
}

# Codes that a broken login or a missing database answers with: waiting does not cure them.
_LOGIN_CODES: Final = frozenset({192, 193, 194, 516})
_UNKNOWN_DATABASE: Final = 81
# What a server answers that stops, or whose shards, replicas or Keeper are away (ErrorCodes.cpp).
_PASSING_CODES: Final = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        242,  # TABLE_IS_READ_ONLY
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        999,  # KEEPER_EXCEPTION
    }
)
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")

# It logs what it raises; we say that in our words. Without a handler Python would print it all the same.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())
logging.getLogger("clickhouse_connect").propagate = False


class QueryResult(Protocol):
    """What `query` answers: rows, or the same as columns."""

    @property
    def result_rows(self) -> Sequence[Sequence[object]]: ...
    @property
    def result_columns(self) -> Sequence[Sequence[object]]: ...
    @property
    def column_names(self) -> Sequence[str]: ...


class Client(Protocol):
    """The part of clickhouse-connect's client that Headwater uses; its errors are `ClickHouseError`."""

    def command(
        self,
        cmd: str,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> object: ...

    def query(
        self,
        query: str,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> QueryResult: ...

    def raw_query(
        self,
        query: str,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        fmt: str | None = None,
    ) -> bytes: ...

    def insert(
        self,
        table: str,
        data: Sequence[Sequence[object]],
        column_names: Sequence[str] | str = "*",
        database: str | None = None,
        column_types: Sequence[object] | None = None,
        column_type_names: Sequence[str] | None = None,
        column_oriented: bool = False,
        settings: Mapping[str, object] | None = None,
    ) -> object: ...

    def close(self) -> None: ...


def connect(
    settings: ClickHouseSettings, *, database: str | None = None, timeout_seconds: int = 300
) -> Client:
    """Open a client; several threads may share it. `database` "" works before the database is made.

    Raises Transient when nothing answers there, Fatal when the server refuses the user or the database.
    """
    address, shown = urlsplit(settings.url), mask_url(settings.url)
    try:
        with waiting():
            client = clickhouse_connect.get_client(
                dsn=settings.url,
                # It goes by the port and would send the password in clear to any but 443 and 8443.
                secure=address.scheme == "https",
                username=settings.username,
                password=settings.password.get_secret_value(),
                database=settings.database if database is None else database or "default",
                connect_timeout=5,
                send_receive_timeout=timeout_seconds,
                autogenerate_session_id=False,
                # On the same machine compressing costs more than the bytes do.
                compress=address.hostname not in _LOCAL,
                settings=_cluster_settings(settings),
            )
    except ClickHouseError as error:
        code = getattr(error, "code", None)
        # The first line names the fault; the rest is the client's address and identifiers.
        words = str(error.__cause__ or error).rsplit("Caused by ", 1)[-1].splitlines()
        reason = redact(words[0] if words else type(error).__name__, secrets_of(settings.url))
        if code in _LOGIN_CODES:
            raise Fatal(
                f"ClickHouse at {shown} refuses user {settings.username}: {reason}",
                remedy="check clickhouse.username and clickhouse.password",
            ) from error
        if code == _UNKNOWN_DATABASE:
            raise Fatal(
                f"ClickHouse at {shown} has no database {settings.database}",
                remedy="run `headwater migrate`",
            ) from error
        raise Transient(
            f"ClickHouse does not answer at {shown}: {reason}", remedy="is it up? check clickhouse.url"
        ) from error
    # All statements of a client go through its pool of connections.
    made: Any = client
    made.http = _WaitingPool(made.http)
    return cast(Client, client)


class _WaitingPool:
    """Connections whose user waits while ClickHouse works, however long: time-outs of the socket end that."""

    def __init__(self, pool: object) -> None:
        self._pool: Any = pool

    def request(self, *args: object, **options: object) -> object:
        """As the pool's."""
        with waiting():
            return self._pool.request(*args, **options)

    def __getattr__(self, name: str) -> object:
        return getattr(self._pool, name)

    # clickhouse-connect notes of each pool when its connections were renewed.

    def __hash__(self) -> int:
        return hash(self._pool)

    def __eq__(self, other: object) -> bool:
        return bool(self._pool == other)


@contextmanager
def answering(settings: ClickHouseSettings) -> Iterator[None]:
    """Around statements outside the sink: what the driver raises becomes one of ours.

    Raises Transient when ClickHouse went away meanwhile, Fatal when it refuses a statement.
    """
    shown = mask_url(settings.url)
    try:
        yield
    except (ClickHouseError, HTTPError, OSError) as error:
        words = brief(redact(str(error), secrets_of(settings.url)))
        if getattr(error, "code", None) not in (None, *_PASSING_CODES):
            raise Fatal(
                f"ClickHouse at {shown} refuses a statement: {words}", remedy="see its log"
            ) from error
        raise Transient(
            f"ClickHouse at {shown} went away: {words}", remedy="is it up? check clickhouse.url"
        ) from error


def _cluster_settings(settings: ClickHouseSettings) -> dict[str, int | str]:
    """Settings of every statement where tables are replicated; inserts into one server know no quorum.

    A replica may never have a block's coverage without its rows, so an insert is acknowledged by as many
    replicas as `insert_quorum` says; several inserts may wait for theirs at once.
    """
    if not settings.cluster:
        return {}
    return {"insert_quorum": settings.insert_quorum, "insert_quorum_parallel": 1}


def insert_settings(client: Client) -> dict[str, int | str]:
    """`INSERT_SETTINGS` less those that an older server does not know (it has the old behaviour then)."""
    known = getattr(client, "server_settings", INSERT_SETTINGS)
    return {name: value for name, value in INSERT_SETTINGS.items() if name in known}
