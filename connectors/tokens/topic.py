"""The topic of tokens: a compacted topic of one partition, the highest version of an address holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from confluent_kafka import Consumer, KafkaException

from connectors.tokens.description import Token
from headwater import clock, kafka
from headwater.author import author
from headwater.errors import Transient
from headwater.settings import Settings
from schemas import codec_for, frame, version_of
from schemas.naming import name_of
from schemas.reader import StreamReader
from schemas.registry import Registry
from topics.catalog import topic_name
from topics.chainlog.headers import SCHEMA_VERSION

STREAM: Final = "tokens"
SECONDS: Final = 30.0
_AGAIN: Final = "nothing was changed, run the command again; another one that began later goes first"
Revision: TypeAlias = Callable[[Mapping[str, Token]], Mapping[str, Token | None]]
"""Address → token as they stand → what is to be changed; None takes one out."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """The last message of an address; `removed`: it says that the token was taken out."""

    token: Token
    version: int
    removed: bool


def current(settings: Settings) -> dict[str, Token]:
    """Address → token. Raises Fatal, or Transient without Kafka."""
    client = kafka.reader(settings)
    try:
        return _described(_standing(settings, client, Registry(settings).reader(STREAM)))
    finally:
        client.close()


def revise(settings: Settings, chain_id: int, revision: Revision) -> Mapping[str, Token | None]:
    """Change the topic in one transaction: readers see all of it or nothing. Returns what was changed.

    What stands is read after every other writer was fenced, so that versions ascend as the messages do,
    whatever the clocks of two writers say. Raises Fatal, and Transient when the brokers do not acknowledge
    or another writer has taken over: then nothing was changed.
    """
    registry = Registry(settings)
    head, reader = frame(registry.id_for(STREAM)), registry.reader(STREAM)
    topic = topic_name(settings, STREAM)
    producer = kafka.producer(settings, transactional_id=name_of(settings, STREAM))
    client = kafka.reader(settings)
    try:
        kafka.ask(producer, producer.init_transactions, timeout=SECONDS)
        standing = _standing(settings, client, reader)
        changes = revision(_described(standing))
        if changes:
            producer.begin_transaction()
            messages = _messages(chain_id, changes, standing, head)
            kafka.publish(producer, topic, messages, seconds=SECONDS, remedy=_AGAIN)
            producer.commit_transaction(SECONDS)
    except KafkaException as error:
        raise Transient(f"{topic} was not changed: {error.args[0]}", remedy=_AGAIN) from error
    finally:
        client.close()
    return changes


def _standing(settings: Settings, client: Consumer, reader: StreamReader) -> dict[str, _Standing]:
    found = {}
    for key, message in kafka.latest(client, topic_name(settings, STREAM)).items():
        record: Mapping[str, Any] = reader.read(cast(bytes, message.value()))
        own = f"0x{record['token_address'].hex()}"
        token = Token(own, record["decimals"], record["symbol"], record["name"])
        found[key] = _Standing(token, record["version"], record["removed"])
    return found


def _described(standing: Mapping[str, _Standing]) -> dict[str, Token]:
    return {own: each.token for own, each in standing.items() if not each.removed}


def _messages(
    chain_id: int, changes: Mapping[str, Token | None], standing: Mapping[str, _Standing], head: bytes
) -> list[kafka.Outgoing]:
    codec, now, by = codec_for(STREAM), clock.now_ms(), author()
    headers = ((SCHEMA_VERSION, str(version_of(STREAM)).encode()),)
    messages = []
    for own, change in changes.items():
        before = standing.get(own)
        token = change or cast(_Standing, before).token
        record = {
            "chain_id": chain_id,
            "token_address": bytes.fromhex(own[2:]),
            "version": now if before is None else max(now, before.version + 1),
            "removed": change is None,
            "symbol": token.symbol,
            "name": token.name,
            "decimals": token.decimals,
            "written_at": now,
            "written_by": by,
        }
        messages.append(kafka.Outgoing(own.encode(), head + codec.write(record), headers))
    return messages
