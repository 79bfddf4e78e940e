"""How long a loop that works, or waits as it should, may give no sign of life: the closed list.

Whatever blocks is here or says so by `headwater.heartbeat.waiting`. The longest of these, twice, is the bound
behind which `/healthz` says that a loop hangs: what only waits is never ended for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from headwater.settings import Settings

MARGIN: Final = 2
"""A machine that is short of processors makes everything take longer."""
SOCKET_SECONDS: Final = 60.0
"""librdkafka's `socket.timeout.ms`: the answer to a request that we give no time-out of its own."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What blocks between two signs of life, and how long at most."""

    what: str
    seconds: Callable[[Settings], float]


def _session(settings: Settings) -> float:
    return settings.kafka.session_timeout_ms / 1000


SILENCES: Final = (
    Silence("the pause between two tries", lambda _: 15.0),
    Silence("a call of a transactional producer, a flush", lambda _: 5.0),
    Silence("Kafka tells where a partition ends", lambda _: 10.0),
    Silence("Kafka gives the next message of a range", lambda _: 30.0),
    Silence("Kafka's administrators' interface answers", lambda _: 30.0),
    Silence("dead letters are acknowledged", lambda _: 30.0),
    Silence(
        "offsets are committed, first of all to a coordinator that is found",
        lambda s: SOCKET_SECONDS + _session(s),
    ),
    Silence("a consumer leaves its group", lambda s: SOCKET_SECONDS + _session(s)),
    Silence("a look whether a table's entries are acknowledged", lambda _: 5.0),
    Silence("a group that changes has Faust wait", lambda s: 2 * _session(s)),
    Silence("the schema registry answers", lambda _: 10.0),
    Silence("a node answers", lambda s: s.chain.request_timeout_seconds),
    Silence("attempts are broken off", lambda _: 5.0),
    Silence("one block is checked, decided or encoded, of the size that topics take", lambda _: 60.0),
)


def bound_of(settings: Settings) -> float:
    """Seconds of silence after which a loop hangs."""
    return MARGIN * max(each.seconds(settings) for each in SILENCES)
