"""Statistics, alerts and deliveries under forks, kills and edits of rules are what an undisturbed run makes.

Both applications read the same events and adopt the same configuration at the same sequences; what the first
one said and remembers is compared message by message with the second, which nobody disturbs. What came to
the receiver of webhooks is held against what was said.
"""

from __future__ import annotations

import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from connectors.delivery.queue.delivery import Delivery, State
from connectors.delivery.topic import entries
from headwater import kafka
from headwater.cli.alerting import topic
from headwater.errors import Transient
from headwater.settings import Settings
from sandbox.receiver.checker import Published, missing, violations
from sandbox.receiver.faults import Faults
from sandbox.receiver.server import Receiver
from sandbox.traffic.deployment import places
from schemas import HEADER_SIZE, codec_for
from streams.logic.alerts.compiling import rules_of
from streams.runtime.state_topic import committed_state
from tests.integration import recorded_alerts
from tests.integration.line import Line, pause
from tests.integration.second_application import INPUT, SecondApplication
from tests.integration.worker_process import committed, messages, written
from topics.catalog import topic_name

SECRET, SECRET_VARIABLE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "DELIVERY_TEST_SECRET"
CHANNELS = ("ops", "siem")
GROUPS = ("aggregate", "alert")
SAID = ("chain-stats", "token-stats", "contract-stats", "incomplete-windows", "alerts")
KEPT = ("aggregate-state", "alert-state")
KILLED = ("aggregate", "alert", "deliver", "kafka")
STATUSES = {"PROVISIONAL", "CONFIRMED", "RETRACTED", "RESOLVED"}
BUSY = """
- id: busy-token
  match: token-transfer
  group_by: [token_address]
  window: {{size: 20s, every: 5s, count: ">= {bound}"}}
  title: "{{{{ count }}}} transfers of {{{{ token_address | label }}}}"
  channels: [ops]
"""
GOLD = f"""
- id: gold-moves
  match: token-transfer
  where: token_address == "{places().gold}" && value > 1000
  group_by: [from_address]
  cooldown: 4s
  channels: [ops, siem]
"""
# By id: each has another text after an edit, is taken out by one, or stays.
RULES = f"""
- id: few-senders
  match: transaction
  window: {{size: 6s, distinct(from_address): "< 12", avg(receipt_gas_used): "> 21000"}}
  channels: [siem]
- id: failed
  match: transaction
  where: receipt_status == 0
  finality: safe
  channels: [siem]
- id: silver-is-silent
  match: absence
  of: token-transfer
  within: 2s
  where: token_address == "{places().silver}"
  channels: [ops]
- id: deep-fork
  match: reorg
  where: depth > 2
  channels: [ops, siem]
- id: orphaned
  match: transaction-state
  where: state == "REORGED"
  cooldown: 5s
  channels: [siem]
- id: busy-minute
  match: stat
  where: statistic == "token" && window_seconds == 60 && transfer_count > 20
  channels: [ops]
- id: listed
  match: transaction
  where: to_address in lists.watched
  channels: [ops]
"""


_LISTED = "list:watched:{}"


@contextmanager
def _receiving(folder: Path, seed: int) -> Iterator[tuple[Receiver, Path]]:
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


class Editor:
    """Changes rules and lists as the commands do, again and again until Kafka takes them."""

    def __init__(self, line: Line) -> None:
        self._line, self._settings = line, line.settings
        self._last: dict[str, str | None] = {_LISTED.format(places().silver): None}

    def first(self) -> None:
        self._write(_rules(RULES, BUSY.format(bound=5), GOLD) | {_LISTED.format(places().silver): ""})

    def second(self) -> None:
        """A rule has another threshold, one is taken out, and the list has another address.

        While an alert stands that rests on what the first text counted: it is resolved. Where that alert left
        before the threshold was adopted, the rule is edited again.
        """
        gone: dict[str, str | None] = {"rule:few-senders": None, _LISTED.format(places().gold): ""}
        for bound in range(6, 16):
            self._line.wait_until(partial(self._knows, _stands), "a token is busy", 60)
            edit = _rules(BUSY.format(bound=bound))
            self._write(edit | gone)
            self._wait_for(edit)
            if self._knows(lambda found: any(each["status"] == "RESOLVED" for each in found)):
                return
        raise AssertionError("no edit met an alert that rested on what it changed")

    def third(self) -> None:
        """One comes back, one has another cooldown, and an address is taken out."""
        self._write(_rules(RULES, GOLD.replace("4s", "1s")) | self._last)

    def finish(self) -> None:
        """Wait until all of it is in force: what was adopted, and when, is no other from then on."""
        self._wait_for(self._last)

    def _knows(self, fact: Callable[[list[dict[str, Any]]], bool]) -> bool:
        """Whether it is true of the alerts; not while Kafka is away."""
        try:
            return fact(_alerts(self._settings))
        except Transient:
            return False

    def _wait_for(self, edit: Mapping[str, str | None]) -> None:
        self._line.wait_until(partial(self._adopted, edit), f"{', '.join(edit)}: adopted", 90)

    def _adopted(self, edit: Mapping[str, str | None]) -> bool:
        try:
            found = recorded_alerts.recorded(self._settings)
        except Transient:
            return False
        adopted = {(each.key, each.value) for changes in found.values() for each in changes}
        return adopted >= edit.items()

    def _write(self, changes: Mapping[str, str | None]) -> None:
        self._line.note(f"edit {', '.join(changes)}")

        def taken() -> bool:
            try:
                topic.write(self._settings, changes)
            except Transient:
                return False
            return True

        self._line.wait_until(taken, "the edit is taken", 90)


def _stands(alerts: list[dict[str, Any]]) -> bool:
    """True when there is an alert that an edit of the rule about busy tokens resolves."""
    latest = {each["alert_id"]: each for each in alerts}
    return any(
        each["rule_id"] == "busy-token" and each["status"] == "PROVISIONAL" for each in latest.values()
    )


def _rules(*texts: str) -> dict[str, str | None]:
    return {f"rule:{own}": text for own, text in rules_of("".join(texts), "rules")}


def _kill(line: Line, part: str) -> None:
    line.wait_until(lambda: part in line.processes(), f"{part} runs", 90)
    line.note(f"kill {part}")
    assert line.signal(part, signal.SIGKILL) is not None


def _disturb(line: Line, blows: list[Callable[[], None]], seconds: float, chance: random.Random) -> None:
    """Blows at even times, and forks of depth 1 to 8 between them."""
    gap = seconds / len(blows)
    for blow in blows:
        end = time.monotonic() + gap
        while time.monotonic() < end:
            pause(chance.uniform(0.2, 0.4) * min(gap, 15))
            line.reorg(chance.randint(1, 8))
        blow()


def _fork_until_every_status(line: Line) -> None:
    """Whether the forks before took an alert back, was chance."""

    def said() -> bool:
        try:
            if {each["status"] for each in _alerts(line.settings)} == STATUSES:
                return True
        except Transient:
            return False
        line.reorg(3)
        return False

    line.wait_until(said, "every status occurs", 120)


def _keep_the_record(settings: Settings) -> None:
    """Compaction leaves the record of what was adopted alone: the second application needs all of it."""
    own = ConfigResource(ResourceType.TOPIC, topic_name(settings, "alert-state"))
    lag = ConfigEntry("min.compaction.lag.ms", "86400000", incremental_operation=AlterConfigOpType.SET)
    own.add_incremental_config(lag)
    client = kafka.admin(settings)  # its futures never end once it is gone
    for done in client.incremental_alter_configs([own]).values():
        done.result(30)


def _caught_up(settings: Settings) -> bool:
    return all(committed(settings, group, INPUT) == written(settings, INPUT) for group in GROUPS)


@contextmanager
def _undisturbed(first: Settings, folder: Path) -> Iterator[SecondApplication]:
    """The application that nobody disturbs, which has yet to be given its input."""
    second = SecondApplication(first, "second", folder)
    recorded_alerts.write(folder, recorded_alerts.recorded(first))
    try:
        second.start("aggregate")
        second.start("alert", recorded_alerts.MODULE)
        yield second
    finally:
        second.end()


def _compare(first: Settings, second: Settings) -> None:
    """Every message of every key, in its order, and all that both remember."""
    for stream in SAID:
        mine, theirs = _said(first, stream), _said(second, stream)
        assert mine.keys() == theirs.keys(), f"{stream}: {list(mine.keys() ^ theirs.keys())[:5]}"
        codec = codec_for(stream)
        for key, own in mine.items():
            for one, other in zip(own, theirs[key], strict=False):
                assert one == other, f"{stream}, {key!r}: {codec.read(one)} and {codec.read(other)}"
            assert len(own) == len(theirs[key]), f"{stream}, {key!r}: {len(own)} and {len(theirs[key])}"
    for stream in KEPT:
        ours, others = (
            {key: value[HEADER_SIZE:] for key, value in committed_state(settings, stream).items()}
            for settings in (first, second)
        )
        different = sorted(key for key in ours.keys() | others.keys() if ours.get(key) != others.get(key))
        assert not different, f"{stream}: {different[:5]}"


def _said(settings: Settings, stream: str) -> dict[bytes, list[bytes]]:
    """Key → its messages. In which order an event's messages of different keys stand says nothing."""
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for each in messages(settings, stream):
        found[each.key or b""].append((each.value or b"")[HEADER_SIZE:])
    return found


def _alerts(settings: Settings) -> list[dict[str, Any]]:
    """All versions, those of an alert in their order."""
    codec = codec_for("alerts")
    return [codec.read(each.value or b"", HEADER_SIZE) for each in messages(settings, "alerts")]


def _published(settings: Settings) -> list[Published]:
    found = _alerts(settings)
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


def _check_deliveries(line: Line, receiver: Receiver) -> None:
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
    assert receiver.summary()["bad_signatures"] == 0
    taken = {each.delivery_id for each in arrivals if each.answered == 204}
    for each in _ledger(line.settings).values():
        assert each.state in (State.DELIVERED, State.SUPERSEDED)
        assert (each.state is State.DELIVERED) == (each.delivery_id in taken)


def _prove(folder: Path, seconds: float, kills: int, seed: int) -> None:
    """Disturb one application for so long, with so many kills, and hold it against what it must have done."""
    chance = random.Random(seed)
    order = list(KILLED) + [chance.choice(KILLED) for _ in range(kills - len(KILLED))]
    chance.shuffle(order)
    with _receiving(folder, seed) as (receiver, channels):
        line = Line(
            folder / "line",
            *("--traffic", "15", "--seed", str(seed), "--channels", str(channels)),
            variables={SECRET_VARIABLE: SECRET},
        )
        try:
            line.start()
            line.wait_ready()
            settings, editor = line.settings, Editor(line)
            _keep_the_record(settings)
            editor.first()
            blows: list[Callable[[], None]] = [partial(_kill, line, part) for part in order]
            blows.insert(2 * kills // 3, editor.third)
            blows.insert(kills // 3, editor.second)
            _disturb(line, blows, seconds, chance)
            line.wait_ready()
            _fork_until_every_status(line)
            line.freeze()
            head = line.close_windows()
            editor.finish()
            adopted = recorded_alerts.recorded(settings)
            assert len(adopted) >= 3
            with _undisturbed(settings, folder / "second") as second:
                line.wait_settled(head)
                line.wait_until(lambda: _caught_up(settings), "both groups have read everything", 60)
                second.take_input(settings)
                second.finish()
            assert recorded_alerts.recorded(settings) == adopted
            _compare(settings, second.settings)
            assert written(settings, INPUT) == second.size
            _check_deliveries(line, receiver)
            assert line.stop() == 0
        finally:
            line.end()


def test_kills_forks_and_edits_change_nothing(tmp_path: Path) -> None:
    # This seed kills Kafka first: the other blows fall while everything finds it again.
    _prove(tmp_path, seconds=6, kills=4, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [12])
def test_ten_minutes_of_kills_forks_and_edits_change_nothing(tmp_path: Path, seed: int) -> None:
    _prove(tmp_path, seconds=600, kills=10, seed=seed)
