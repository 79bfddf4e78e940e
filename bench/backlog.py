"""What waits for the sink in a benchmark: the public messages of the 23 blocks, over and over.

With each transaction a state of it; coverage comes last and names where everything landed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from confluent_kafka import Message

from bench.public_messages import Published, published
from connectors.clickhouse.client import Client, connect
from connectors.clickhouse.migrations.runner import migrate
from headwater import kafka
from headwater.settings import Settings
from schemas import codec_for, frame
from schemas.registry import Registry, register_all
from schemas.sample import sample
from streams.logic.event import Messages, Position
from topics import admin
from topics.catalog import topic_name

_SECONDS = 60


def prepared(settings: Settings) -> Client:
    """Topics, schemas and tables; a client of the database."""
    admin.apply(settings)
    client = connect(settings.clickhouse, database="")
    client.command(f"CREATE DATABASE IF NOT EXISTS {settings.clickhouse.database}")
    migrate(client, settings, 1)
    register_all(settings)
    return client


class Backlog:
    """`with backlog.transaction(): backlog.write(loops)`: readers have all of it at once, when it ends."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        """`folder` has the blocks. The schemas must be registered."""
        registry = Registry(settings)
        self._settings = settings
        self._made = list(published(folder, lambda stream: frame(registry.id_for(stream))))
        self._states = _states(self._made, frame(registry.id_for("transaction-states")))
        self._producer = kafka.producer(settings, transactional_id="bench")
        self._producer.init_transactions(30)
        self.end_offsets: dict[tuple[str, int], int] = {}
        """(topic, partition) → the offset after the last message written there; coverage is left out."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is written inside; it is to take less than a minute."""
        self._producer.begin_transaction()
        yield
        self._producer.commit_transaction(_SECONDS)

    def write(self, loops: int) -> None:
        """All blocks, so many times; returns when Kafka has them."""
        for _ in range(loops):
            for block, state in zip(self._made, self._states, strict=True):
                landed: dict[tuple[str, int], int] = {}
                for messages in (*block.messages, state):
                    self._send(messages, landed)
                self._flush()
                positions = [Position(topic, number, offset) for (topic, number), offset in landed.items()]
                self._send(block.coverage(positions), {})
                self.end_offsets |= landed
        self._flush()

    def stored(self, client: Client) -> bool:
        """Whether ClickHouse has all rows that were written.

        Coverage is not asked: what a sink says of it is how far it was read, and repeated blocks fold.
        """
        done = client.query(
            "SELECT topic, partition, max(next_offset) "
            f"FROM {self._settings.clickhouse.database}.sink_progress GROUP BY topic, partition"
        ).result_rows
        found = {(str(topic), int(str(number))): int(str(offset)) for topic, number, offset in done}
        return all(found.get(place, 0) >= end for place, end in self.end_offsets.items())

    def _flush(self) -> None:
        if self._producer.flush(_SECONDS):
            raise RuntimeError("Kafka does not take the messages")

    def _send(self, messages: Messages, landed: dict[tuple[str, int], int]) -> None:
        topic = topic_name(self._settings, messages.stream)

        def delivered(_: object, message: Message) -> None:
            landed[topic, cast(int, message.partition())] = cast(int, message.offset()) + 1

        for key, value in zip(messages.keys, messages.values, strict=True):
            self._producer.produce(topic, value, key, headers=list(messages.headers), on_delivery=delivered)
            self._producer.poll(0)


def _states(made: Sequence[Published], head: bytes) -> list[Messages]:
    codec = codec_for("transaction-states")
    common = sample(codec.record) | {"state": "INCLUDED", "canonical_epoch": 0}
    common |= dict.fromkeys(("previous_state", "finalized_at", "replaced_by", "replaces", "retracts"))
    found = []
    for each in made:
        (transactions,) = [messages for messages in each.messages if messages.stream == "transactions"]
        columns = codec_for("transactions").columns([value for value in transactions.values if value])
        values: list[bytes | None] = [
            head
            + codec.write(
                common
                | {name: columns[name][row] for name in ("block_number", "block_hash", "hash", "nonce")}
                | {"sender": columns["from_address"][row], "chain_id": 1}
            )
            for row in range(len(columns["hash"]))
        ]
        found.append(Messages("transaction-states", transactions.keys, values, transactions.headers))
    return found


def count(client: Client, sql: str) -> int:
    """The number that a query answers with."""
    return int(str(client.query(sql).result_rows[0][0]))
