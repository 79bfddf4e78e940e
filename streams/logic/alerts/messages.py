"""Versions of alerts as messages of `alerts`, keyed by alert id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas import codec_for
from streams.logic.alerts.decision import Status, Version
from streams.logic.event import Messages
from topics.chainlog.envelope import Envelope
from topics.chainlog.headers import headers_of

STREAM: Final = "alerts"
_write = codec_for(STREAM).write_values


def messages_of(envelope: Envelope, versions: Iterable[Version], frame: bytes) -> Messages:
    """One message per version; the version is the sequence of the event."""
    found = list(versions)
    keys = [b"0x" + each.alert.id.hex().encode() for each in found]
    values = [frame + _body(envelope, each) for each in found]
    return Messages(STREAM, keys, values, headers_of(envelope, STREAM))


def _body(envelope: Envelope, version: Version) -> bytes:
    alert, block = version.alert, version.block
    return _write(
        envelope.chain_id,
        block.number,
        block.hash,
        block.timestamp,
        envelope.sequence,
        version.status is Status.RETRACTED,
        alert.event_id,
        alert.id,
        alert.rule_id,
        alert.rule_version,
        alert.severity.name,
        version.status.value,
        envelope.sequence,
        alert.group,
        alert.transaction_hash,
        alert.log_index,
        alert.window_start,
        alert.window_end,
        alert.title,
        alert.labels,
        alert.values,
        list(alert.channels),
        alert.shadow,
        version.reason,
    )
