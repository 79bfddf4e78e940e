"""A Faust table whose every write is acknowledged by the brokers before anyone relies on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import faust
from faust.exceptions import ProducerSendError
from faust.types import TopicT

from headwater.errors import Transient


class AcknowledgedTable:
    """Bytes to bytes, one partition, kept in memory, rebuilt from its changelog.

    Faust reports a changelog write that failed with a warning and goes on; here it raises.
    """

    def __init__(self, app: faust.App, name: str) -> None:
        self._table = app.Table(name, partitions=1, key_type=bytes, value_type=bytes)

    def content(self) -> Mapping[bytes, bytes]:
        """The table as it stands; a copy."""
        return dict(self._table.data.items())

    async def write(self, changes: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Write in order (None deletes) and wait for every acknowledgement.

        Raises Transient when one does not come: writing again is safe, entries never change.
        """
        topic = self._table.changelog_topic
        sent = []
        for key, value in changes:
            try:
                sent.append(
                    await topic.send(
                        key=key,
                        value=value,
                        partition=0,
                        key_serializer="raw",
                        value_serializer="raw",
                        force=True,
                    )
                )
            except ProducerSendError as error:
                raise _not_taken(topic, error) from error
        # Faust sets what it was sent by itself: who waits no longer must not cancel it.
        told = (asyncio.shield(each) for each in sent)
        for result in await asyncio.gather(*told, return_exceptions=True):
            if isinstance(result, BaseException):
                raise _not_taken(topic, result) from result
        data = self._table.data
        for key, value in changes:
            if value is None:
                data.pop(key, None)
            else:
                data[key] = value


def _not_taken(topic: TopicT, error: BaseException) -> Transient:
    return Transient(f"changelog {topic} did not take a write: {error}")
