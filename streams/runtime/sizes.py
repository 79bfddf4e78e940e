"""Whether the brokers would take what a stage wants to write: asked before any of it is written."""

from __future__ import annotations

from typing import Final

from headwater.errors import Permanent
from streams.logic.event import Messages
from streams.stage import Outcome
from topics.catalog import spec

_OVERHEAD: Final = 2_048
"""Bytes of headers and of the batch around a message."""


def refuse_too_large(outcome: Outcome) -> None:
    """Raises Permanent for a record that its topic would refuse: the brokers would refuse it for ever."""
    state = () if outcome.state is None else (outcome.state,)
    for messages in (*outcome.public, *outcome.internal, *state):
        limit = spec(messages.stream).max_message_bytes - _OVERHEAD
        largest = _largest(messages)
        if largest > limit:
            raise Permanent(
                f"a record of {messages.stream} has {largest} bytes, its topic takes {limit}",
                remedy="raise max_message_bytes in the topic catalogue, apply it, run `headwater replay`",
            )


def _largest(messages: Messages) -> int:
    return max((len(value) for value in messages.values if value is not None), default=0)
