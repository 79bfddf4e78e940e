"""What raw-links must do under a listener, wherever it is kept: subclasses say where."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.evm.events import Head
from connectors.evm.log.codec import Stored
from connectors.evm.log.links.links import Links
from topics.chainlog.claims import LogPosition
from topics.chainlog.kinds import EventKind

MakeLinks = Callable[[], Links]


def claim(offset: int) -> Stored:
    return Stored(
        LogPosition(offset, True, -1, offset, fresh=offset == 0), EventKind.CLAIM, 31337, None, 7, "listener"
    )


def applied(offset: int) -> Stored:
    head = Head(offset, bytes((offset,)) * 32, bytes((offset - 1,)) * 32, offset * 12_000)
    return Stored(LogPosition(offset, False, 0, offset, part=1, parts=3), EventKind.APPLY, 31337, head, 8, "")


class LinksContract:
    """Tests of Links; `make_links` gives another user of the same, initially empty topic."""

    @pytest.fixture
    def make_links(self) -> MakeLinks:
        raise AssertionError("the subclass says where")

    def test_what_was_noted_is_read_back_whole_and_in_order(self, make_links: MakeLinks) -> None:
        links = make_links()
        assert links.last(10) == []
        noted = [claim(0), *(applied(offset) for offset in range(1, 6))]
        for stored in noted:
            links.note(stored)
        assert links.last(10) == noted
        assert links.last(2) == noted[-2:]
        assert make_links().last(3) == noted[-3:]

    def test_of_a_block_that_is_only_named_the_parent_is_not_said(self, make_links: MakeLinks) -> None:
        links = make_links()
        head = Head(3, b"h" * 32, b"p" * 32, 36_000)
        links.note(Stored(LogPosition(4, False, 0, 4), EventKind.FINALIZED, 31337, head, 8, ""))
        (read,) = links.last(1)
        assert read.head == Head(3, b"h" * 32, b"", 36_000)

    def test_what_is_forgotten_is_gone_for_all(self, make_links: MakeLinks) -> None:
        one, other = make_links(), make_links()
        one.note(claim(0))
        assert one.last(1) == [claim(0)]
        other.forget()
        assert one.last(10) == []
        other.note(applied(1))
        assert other.last(10) == [applied(1)]
