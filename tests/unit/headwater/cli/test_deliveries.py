"""`headwater deliveries replay`: which deliveries are queued again."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.topic.entries import Wanted
from headwater.cli import build
from tests.builders.deliveries import pending

LEDGER = [
    pending(number, 10 + number, state=state, published_at=1_700_000_000_000 + number)
    for number, state in enumerate(State, 1)
]
CLOSED = ["dead", "delivered", "expired", "superseded"]


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """What the command asked for, of a ledger with a delivery in each state."""
    found: list[Delivery] = []
    monkeypatch.setattr(
        "headwater.cli.deliveries.read", lambda _, wanted: [each for each in LEDGER if wanted(each)]
    )
    monkeypatch.setattr("headwater.cli.deliveries.ask", lambda _, deliveries, now: found.extend(deliveries))
    return found


@pytest.mark.parametrize(
    ("words", "states"),
    [
        ((), ["dead"]),
        (("--channel", "ops"), ["dead"]),
        (("--since", "2023-11-14T00:00"), ["dead"]),
        (("--until", "2033-01-01T00:00", "--channel", "ops"), ["dead"]),
        (("--state", "delivered", "--since", "2023-11-14T00:00"), ["delivered"]),
        (("--state", "expired"), ["expired"]),
        (("--since", "2033-01-01T00:00"), []),
        (("--id", LEDGER[4].alert_id.hex()), [LEDGER[4].state.value.lower()]),
    ],
    ids=" ".join,
)
def test_dead_ones_are_queued_unless_a_state_or_an_id_says_which(
    queued: list[Delivery], words: tuple[str, ...], states: list[str]
) -> None:
    done = CliRunner().invoke(build(("deliveries",)), ["deliveries", "replay", "--yes", *words])
    assert done.exit_code == 0, done.output
    assert sorted(each.state.value.lower() for each in queued) == states


def test_an_id_queues_whatever_is_closed(queued: list[Delivery]) -> None:
    for each in LEDGER:
        CliRunner().invoke(
            build(("deliveries",)), ["deliveries", "replay", "--yes", "--id", each.delivery_id]
        )
    assert sorted(each.state.value.lower() for each in queued) == CLOSED


def test_without_yes_nothing_is_queued(queued: list[Delivery]) -> None:
    done = CliRunner().invoke(build(("deliveries",)), ["deliveries", "replay"])
    assert (done.exit_code, queued) == (2, [])
    assert "1 would be queued" in done.stdout


def test_what_is_wanted_is_wanted_by_every_condition() -> None:
    delivery = LEDGER[0]
    assert Wanted(id=delivery.delivery_id.upper(), since=delivery.published_at)(delivery)
    assert not Wanted(until=delivery.published_at)(delivery)
    assert not Wanted(channel="siem")(delivery)
