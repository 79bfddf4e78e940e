"""Messages of `transaction-states` to what the check looks at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from audit.stream_check.algebra.finding import Finding
from audit.stream_check.decode import Raw
from audit.stream_check.states.record import StateRecord
from headwater.evm.identity import RecordKind, event_id
from schemas import HEADER_SIZE, MalformedRecord, StreamReader

_FIELDS: Final = (
    "chain_id",
    "hash",
    "sequence",
    "state",
    "version",
    "block_number",
    "block_hash",
    "removed",
    "event_id",
    "transaction_index",
    "canonical_epoch",
    "retracts",
)


def states(reader: StreamReader, messages: Sequence[Raw]) -> Iterator[StateRecord | Finding]:
    """The record of each message, or that it is not one, in order. Raises Transient as the registry does."""
    try:
        values = [reader.to_current_schema(message.value) for message in messages]
        columns = reader.codec.columns(values, fields=_FIELDS)
    except MalformedRecord as error:
        if len(messages) == 1:
            yield Finding("malformed", None, None, (), (messages[0].position,), str(error))
            return
        for message in messages:
            yield from states(reader, [message])
        return
    for message, value, *row in zip(messages, values, *columns.values(), strict=True):
        yield _record(message, hash(value[HEADER_SIZE:]), dict(zip(columns, row, strict=True)))


def _record(message: Raw, content: int, fields: dict[str, Any]) -> StateRecord:
    block_hash, index = fields["block_hash"], fields["transaction_index"]
    own_id = None
    if block_hash is not None and index is not None:
        own_id = event_id(fields["chain_id"], block_hash, RecordKind.TRANSACTION, index, 0)
    return StateRecord(
        message.position,
        message.time_ms,
        message.key,
        fields["hash"],
        fields["sequence"],
        fields["state"],
        fields["version"],
        fields["block_number"],
        block_hash,
        fields["removed"],
        fields["event_id"],
        own_id,
        fields["canonical_epoch"],
        fields["retracts"],
        content,
    )
