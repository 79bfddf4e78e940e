"""Whether the brokers would take what a stage wants to write: asked before any of it is written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from headwater.errors import Permanent
from streams.stage import Outcome
from topics.catalog import spec
from topics.spec import BLOCK_BYTES

_OVERHEAD: Final = 2_048
"""Bytes of headers and of the batch around a message."""


def refuse_too_large(outcome: Outcome) -> None:
    """Raises Permanent for a record that its topic would refuse: the brokers would refuse it for ever."""
    state = () if outcome.state is None else (outcome.state,)
    for messages in (*outcome.public, *outcome.internal, *state):
        _refuse(messages.stream, messages.values, spec(messages.stream).max_message_bytes)
    _refuse("the group's table", (value for _, value in outcome.table), BLOCK_BYTES)


def _refuse(where: str, values: Iterable[bytes | None], topic_bytes: int) -> None:
    limit = topic_bytes - _OVERHEAD
    largest = max((len(value) for value in values if value is not None), default=0)
    if largest > limit:
        raise Permanent(
            f"a record of {where} has {largest} bytes, its topic takes {limit}",
            remedy="raise max_message_bytes in the topic catalogue, apply it, run `headwater replay`",
        )
