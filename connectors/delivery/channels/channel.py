"""A channel, and what can be set of any kind of channel."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from pydantic import AfterValidator, Field

from connectors.delivery.channels.http import Http
from connectors.delivery.queue.attempt import Outcome
from connectors.delivery.queue.grouping import Grouping
from connectors.delivery.queue.notification import Notification
from connectors.delivery.queue.pace import Rate
from connectors.delivery.queue.policy import Policy
from headwater.errors import Permanent
from headwater.settings import DeliverySettings
from headwater.settings.section import Section

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])\Z")
_RATE: Final = re.compile(r"([1-9][0-9]{0,5})/([smhd])\Z")
_MILLISECONDS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Unusable(Permanent):
    """A channel that cannot be used as it is set, here: its queue waits until that is put right."""


class Channel(Protocol):
    """Where notifications go. Used by one event loop, for several of them at once."""

    async def send(self, notification: Notification) -> Outcome:
        """One attempt, within the time-out of the settings. Raises nothing that it knows how to name."""


@dataclass(frozen=True, slots=True)
class Services:
    """What channels are made with: `environ` has the secrets that their settings name."""

    http: Http
    environ: Mapping[str, str]

    def secret(self, name: str) -> str:
        """The value of a variable. Raises Unusable where it is not set."""
        value = self.environ.get(name, "")
        if not value:
            raise Unusable(
                f"variable {name} is not set", remedy=f"set {name} for `headwater deliver` and start it again"
            )
        return value


def _duration(text: str) -> str:
    if not _DURATION.match(text):
        raise ValueError("not a duration such as 90s, 30m, 2h or 7d")
    return text


def _rate(text: str) -> str:
    if not _RATE.match(text):
        raise ValueError("not a rate such as 1/s, 60/m or 100/h")
    return text


Duration = Annotated[str, AfterValidator(_duration)]
RateText = Annotated[str, AfterValidator(_rate)]


class ChannelSettings(Section):
    """Settings of every kind of channel."""

    rate: RateText | None = Field(None, description="Most attempts in a time, such as 60/m; null: no limit.")
    max_age: Duration | None = Field(
        None, description="Age of an alert's block above which the alert is not begun; null: no limit."
    )
    give_up: Duration = Field("12h", description="Time after which a failing delivery becomes a dead letter.")
    at_once: int = Field(4, ge=1, le=64, description="Attempts under way at once, of different alerts.")
    group_wait: Duration | None = Field(
        None,
        description="Time for which the first alert of a rule and group waits for others, which go out with "
        "it as one request; null: each goes out by itself, at once.",
    )
    group_most: int = Field(100, ge=2, le=1_000, description="Alerts of one such request.")

    def policy(self, settings: DeliverySettings) -> Policy:
        """How the channel is used."""
        rate = None if self.rate is None else _RATE.match(self.rate)
        return Policy(
            rate=None if rate is None else Rate(int(rate[1]), _MILLISECONDS[rate[2]]),
            max_age_ms=None if self.max_age is None else milliseconds(self.max_age),
            give_up_ms=milliseconds(self.give_up),
            at_once=self.at_once,
            failures=settings.circuit_failures,
            first_pause=settings.first_pause_seconds,
            longest_pause=settings.longest_pause_seconds,
            grouping=self.grouping,
        )

    @property
    def grouping(self) -> Grouping | None:
        """Which alerts go out together; None: none do."""
        if self.group_wait is None:
            return None
        return Grouping(milliseconds(self.group_wait), self.group_most)

    @abstractmethod
    def make(self, services: Services) -> Channel:
        """The channel. Raises Unusable."""


def milliseconds(text: str) -> int:
    """The length of a duration that was checked."""
    return int(text[:-1]) * _MILLISECONDS[text[-1]]
