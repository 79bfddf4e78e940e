"""What the listener relies on in the topics of repairs, whichever they are: subclasses say which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from connectors.evm.repair.channel import Asked, Outcomes, Requests
from connectors.evm.repair.request import Outcome, Request, published, refused
from headwater.errors import Transient
from headwater.retry import Retry
from tests.builders.repair_requests import repair_request


class Channel(Protocol):
    """Both topics, empty. Clients that are made here are closed with it."""

    def ask(self, *requests: Request | None) -> None:
        """Publish requests; None is one that cannot be read."""

    def requests(self) -> Requests:
        """A client that begins where the group is."""

    def outcomes(self) -> Outcomes: ...

    def published(self) -> list[Outcome]:
        """All outcomes, in order."""


def until(requests: Requests, count: int) -> list[Asked]:
    """The next `count` requests, tried as the listener does while the brokers choose a coordinator."""
    found: list[Asked] = []
    while len(found) < count:
        found += take(requests, count - len(found))
    return found


def take(requests: Requests, limit: int) -> Sequence[Asked]:
    return Retry()(lambda: requests.next(limit))


class RepairChannelContract:
    """Tests of Requests and Outcomes."""

    @pytest.fixture
    def channel(self) -> Channel:
        raise AssertionError("the subclass says which channel")

    def test_requests_come_in_order_from_the_committed_one_on(self, channel: Channel) -> None:
        asked = [repair_request(number, bytes([number]) * 32, refetch=number == 2) for number in range(5)]
        first = channel.requests()
        assert take(first, 3) == []
        channel.ask(*asked)
        taken = until(first, 3)
        assert [(each.offset, each.request) for each in taken] == list(enumerate(asked))[:3]
        first.commit(2)
        assert first.waiting() == 3
        assert [each.request for each in until(first, 2)] == asked[3:]
        # The listener that takes over needs not wait for this one to leave, and answers what it did not.
        second = channel.requests()
        assert [each.offset for each in until(second, 3)] == [2, 3, 4]
        assert second.waiting() == 3
        second.commit(5)
        assert second.waiting() == 0
        assert take(channel.requests(), 3) == []

    def test_what_cannot_be_read_has_its_place(self, channel: Channel) -> None:
        channel.ask(None, repair_request(7))
        unreadable, request = until(channel.requests(), 2)
        assert (unreadable.offset, unreadable.request) == (0, None)
        assert unreadable.problem
        assert request.request == repair_request(7)

    def test_outcomes_are_there_once_they_are_published(self, channel: Channel) -> None:
        one, other, hash = repair_request(1), repair_request(2), b"h" * 32
        outcomes = channel.outcomes()
        assert outcomes.repairs() == {}
        given = [
            published(one, hash, sequence=5, removed=False, source="raw-blocks", decided_at=1),
            refused(other, "why; what helps", decided_at=2),
            published(other, b"o" * 32, sequence=8, removed=True, source="a node", decided_at=3),
        ]
        outcomes.publish(given)
        outcomes.publish([])
        assert channel.published() == given
        outcomes.publish([published(one, hash, sequence=9, removed=False, source="raw-blocks", decided_at=4)])
        assert channel.outcomes().repairs() == {hash: 9, b"o" * 32: 8}

    def test_one_that_stops_tells_nothing_more(self, channel: Channel) -> None:
        outcomes = channel.outcomes()
        outcomes.interrupt()
        with pytest.raises(Transient, match="stopped while writing"):
            outcomes.publish([refused(repair_request(1), "why", decided_at=1)])
