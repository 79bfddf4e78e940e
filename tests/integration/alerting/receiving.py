"""A receiver of webhooks that fails now and then, and what must have come to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.topic import entries
from headwater.settings import Settings
from sandbox.receiver.checker import Published, left_standing, missing, violations
from sandbox.receiver.faults import Faults
from sandbox.receiver.server import Receiver
from tests.integration.alerting.published import STATUSES, published_alerts
from tests.integration.line import Line

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET_VARIABLE: Final = "DELIVERY_TEST_SECRET"
CHANNELS: Final = ("ops", "siem")


@contextmanager
def receiving(folder: Path, seed: int) -> Iterator[tuple[Receiver, Path]]:
    """A receiver with faults, and the file of the two channels that lead to it."""
    receiver = Receiver(SECRET, reply=Faults(seed, fail=0.1, throttle=0.01, slow=0.02))
    receiver.start()
    file = folder / "channels.yaml"
    file.write_text(
        "".join(
            f'- {{id: {name}, kind: webhook, url: "{receiver.url}/{name}", secret_env: {SECRET_VARIABLE}, '
            f"at_once: 8}}\n"
            for name in CHANNELS
        )
    )
    try:
        yield receiver, file
    finally:
        receiver.stop()


def _published(settings: Settings) -> list[Published]:
    found = published_alerts(settings)
    assert {each["status"] for each in found} == STATUSES
    return [
        Published(channel, f"0x{each['alert_id'].hex()}", each["version"], each["status"])
        for each in found
        for channel in each["channels"]
        if channel in CHANNELS  # rules of `up` itself name others, which nobody has applied
    ]


def _ledger(settings: Settings) -> Mapping[tuple[str, str, int], Delivery]:
    return {
        (each.channel, f"0x{each.alert_id.hex()}", each.version): each
        for each in entries.read(settings, lambda _: True)
    }


_COLUMNS: Final = (
    *("delivery_id", "channel", "alert_id", "rule_id", "severity", "version", "status", "state"),
    *("attempts", "replays", "http_status", "problem"),
)
_TIMES: Final = ("published_at", "first_attempt_at", "delivered_at", "not_before")


def _shown(line: Line) -> dict[str, list[str | None]]:
    """Delivery id → what `canonical.deliveries` says of it."""
    times = (f"toUnixTimestamp64Milli({name})" for name in _TIMES)
    rows = line.sql(f"SELECT {', '.join((*_COLUMNS, *times))} FROM canonical.deliveries")
    found = {row[0]: [None if value is None else str(value) for value in row] for row in rows}
    assert len(found) == len(rows)
    return found


def _recorded(line: Line) -> dict[str, list[str | None]]:
    """The same of the ledger."""
    found = {}
    for each in _ledger(line.settings).values():
        record = each.record() | {"alert_id": f"0x{each.alert_id.hex()}"}
        values = [record[name] for name in (*_COLUMNS, *_TIMES)]
        found[each.delivery_id] = [None if value is None else str(value) for value in values]
    return found


def check_deliveries(line: Line, receiver: Receiver) -> None:
    """Everything that was said has its entry and its end, and the receiver has what it must have."""
    published = _published(line.settings)
    due = {(each.channel, each.alert_id, each.version) for each in published}

    def done() -> bool:
        ledger = _ledger(line.settings)
        return ledger.keys() == due and not any(each.is_open for each in ledger.values())

    line.wait_until(done, "nothing waits to be delivered", 120)
    arrivals = receiver.arrivals()
    assert violations(arrivals) == []
    assert missing(published, arrivals) == []
    assert left_standing(published, arrivals) == []
    assert receiver.summary()["bad_signatures"] == 0
    taken = {each.delivery_id for each in arrivals if each.answered == 204}
    for each in _ledger(line.settings).values():
        assert each.state in (State.DELIVERED, State.SUPERSEDED)
        assert (each.state is State.DELIVERED) == (each.delivery_id in taken)
    recorded = _recorded(line)
    line.wait_until(lambda: _shown(line) == recorded, "canonical.deliveries says what the ledger says", 60)
