"""An alert as the fold remembers it: what it says, apart from where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from streams.logic.alerts.rule import Finality, Severity

SIZE: Final = 16
Group = tuple[str, ...]
"""The values of a rule's `group_by`, as text, in its order."""


class Alert(msgspec.Struct, frozen=True, array_like=True):
    """Times are milliseconds since 1970 (UTC). New fields go to the end: state topics have older alerts.

    `resolves`: it rests on what its rule counts, so that it ends with the rule.
    """

    id: bytes
    rule_id: str
    rule_version: int
    severity: Severity
    finality: Finality
    shadow: bool
    channels: tuple[str, ...]
    labels: dict[str, str]
    group: dict[str, str]
    title: str
    values: dict[str, str]
    event_id: bytes | None = None
    transaction_hash: bytes | None = None
    log_index: int | None = None
    window_start: int | None = None
    window_end: int | None = None
    resolves: bool = False


def alert_id(rule_id: str, group: Iterable[str], identity: bytes | int) -> bytes:
    """16 bytes of BLAKE2b over the rule's id, the group and the event's identity or the window's start.

    The rule's version is not in it: a rule that is edited goes on with the alerts that stand.
    """
    digest = blake2b(digest_size=SIZE)
    for each in (rule_id, *group):
        text = each.encode()
        digest.update(len(text).to_bytes(4, "big") + text)
    own = identity if isinstance(identity, bytes) else b"@" + identity.to_bytes(8, "big", signed=True)
    digest.update(b"\xff\xff\xff\xff" + own)
    return digest.digest()


def text_of(value: object) -> str:
    """A field's value as an alert says it: base 10 for integers, JSON for what has parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, dict | Sequence):
        return msgspec.json.encode(_printable(value)).decode()
    return str(value)


def _printable(value: object) -> object:
    """Integers beyond 64 bits have no place in JSON that others read."""
    if isinstance(value, dict):
        return {key: _printable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(each) for each in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
