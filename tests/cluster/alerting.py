"""Rules in force, and a receiver of their alerts outside the cluster: of every block, and each only once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from connectors.delivery.queue.delivery import Delivery
from connectors.delivery.topic import entries
from headwater.errors import Fatal
from sandbox.receiver.checker import Published, left_standing, missing, violations
from sandbox.receiver.faults import Faults
from sandbox.receiver.server import Receiver
from schemas.registry import Registry
from tests.cluster.alert_rules import CHANNELS, EVERY, RULES, channels
from tests.cluster.processes import Processes
from tests.cluster.services import RECEIVER, SECRET, Services
from tests.cluster.told import Told
from tests.integration.worker_process import messages

SETTLED_SECONDS: Final = 300.0
TOLD: Final = (
    f"SELECT toString((count(), uniqExact(block_number))) FROM canonical.alerts WHERE rule_id = '{EVERY}' "
    "AND status IN ('PROVISIONAL', 'CONFIRMED')"
)


class Alerting:
    """Starts with a receiver that fails now and then. Nothing is looked at before rules are in force."""

    def __init__(self, services: Services, processes: Processes) -> None:
        self._services, self._processes = services, processes
        self._told = Told()
        self._receiver = Receiver(SECRET, RECEIVER, Faults(fail=0.05, slow=0.02), self._told.take)
        self._receiver.start()
        self._applied = False

    def apply(self, folder: Path) -> str:
        """Put channels and rules in force, as a person does."""
        for kind, text in (("channels", channels()), ("rules", RULES)):
            path = folder / f"{kind}.yaml"
            path.write_text(text)
            self._services.command(kind, "apply", str(path))
        self._processes.until(lambda: len(self._told) > 0, "a block is told of", SETTLED_SECONDS)
        self._applied = True
        return f"{len(CHANNELS)} channels, {RULES.count('- id')} rules; alerts arrive"

    def covers(self, head: int) -> str:
        """Wait until every block up to `head` was told of; what was seen. Raises Fatal naming others."""
        if not self._applied:
            return ""
        self._processes.until(
            lambda: not self._told.lacking(head),
            f"there is an alert of every block up to {head}",
            SETTLED_SECONDS,
            lambda: f"(not of {self._told.lacking(head)[:5]}, of {len(self._told)} others)",
        )
        self._expect_nothing_wrong()
        return f", alerts of {len(self._told)}, at most {self._told.longest_silence():.1f} s apart"

    def proves(self) -> str:
        """Hold everything that was published, kept and received against each other, while no block comes."""
        with self._services.node_away():
            self._processes.until(
                self._is_settled, "nothing waits to be delivered", SETTLED_SECONDS, self._state
            )
            published, arrivals = self._published(), self._receiver.arrivals()
            found = [*missing(published, arrivals), *left_standing(published, arrivals)]
            if found:
                raise Fatal(f"of {len(published)} alerts: {'; '.join(found[:5])}")
            self._expect_nothing_wrong()
            self._processes.until(
                lambda: self._services.ask(TOLD) == f"({len(self._told)},{len(self._told)})",
                "canonical.alerts has one alert of each block that was told of",
                SETTLED_SECONDS,
                lambda: f"{self._services.ask(TOLD)}, and {len(self._told)} were",
            )
        repeats = len(arrivals) - len({each.delivery_id for each in arrivals})
        return f"{len(published)} alerts published, each delivered in order under one id, {repeats} repeats"

    def _expect_nothing_wrong(self) -> None:
        wrong = violations(self._receiver.arrivals())
        wrong += [f"block {number} has several alerts" for number in self._told.several()]
        if forged := self._receiver.summary()["bad_signatures"]:
            wrong.append(f"{forged} bad signatures")
        if wrong:
            raise Fatal(f"the receiver: {'; '.join(wrong[:5])}")

    def _published(self) -> list[Published]:
        settings = self._services.settings
        reader = Registry(settings).reader("alerts")
        found: list[dict[str, Any]] = [
            reader.read(each.value or b"") for each in messages(settings, "alerts")
        ]
        return [
            Published(channel, f"0x{each['alert_id'].hex()}", each["version"], each["status"])
            for each in found
            for channel in each["channels"]
        ]

    def _ledger(self) -> list[Delivery]:
        return entries.read(self._services.settings, lambda _: True)

    def _is_settled(self) -> bool:
        due = {(each.channel, each.alert_id, each.version) for each in self._published()}
        ledger = {(each.channel, f"0x{each.alert_id.hex()}", each.version): each for each in self._ledger()}
        return ledger.keys() == due and not any(each.is_open for each in ledger.values())

    def _state(self) -> str:
        waiting = [each for each in self._ledger() if each.is_open]
        return f"({len(waiting)} wait, of {len(self._published())})"
