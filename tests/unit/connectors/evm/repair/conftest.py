"""What the tests of repairs share: attempts without pauses."""

from __future__ import annotations

import pytest

from tests.fakes.repairing import at_once


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once."""
    monkeypatch.setattr("headwater.retry.Backoff.next", at_once)
