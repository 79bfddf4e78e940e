"""Each fault is about an alert that the product has, and about parts and misbehaviour that there are."""

from __future__ import annotations

import re

import pytest

from headwater.cli.alerting.reading import read_files, sound, warnings_of
from headwater.settings import AlertSettings, load_settings
from sandbox.node.plan import Plan
from sandbox.observing import configuration
from tests.faults import __main__ as command
from tests.faults.alerts import Each
from tests.faults.blows import Applied, Blow, Spoiled, Together
from tests.faults.blows.places import APPLIED
from tests.faults.catalogue import FAULTS, Fault
from tests.faults.site import RULES as RULES_FOLDER
from tests.faults.site import settings
from tests.integration.line import MARKS

RULES = configuration.rules("local")["groups"][0]["rules"]


def blows(fault: Fault) -> tuple[Blow, ...]:
    return fault.blow.blows if isinstance(fault.blow, Together) else (fault.blow,)


def test_names_are_unique() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) > 15


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_its_alert_is_one_of_the_product_s(fault: Fault) -> None:
    for expected in fault.alert.expected if isinstance(fault.alert, Each) else (fault.alert,):
        rules = [rule for rule in RULES if rule["alert"] == expected.name]
        assert rules
        for name, value in expected.labels.items():
            given = [rule["labels"].get(name) for rule in rules]
            grouped = all(re.search(rf"by \([^)]*\b{name}\b", rule["expr"]) for rule in rules)
            assert value in given or grouped, f"no {expected.name} has {name}={value}"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_its_parts_and_rules_are_known(fault: Fault) -> None:
    for blow in blows(fault):
        part = getattr(blow, "part", None)
        assert part is None or part in MARKS
        if isinstance(blow, Spoiled):
            Plan.model_validate({"faults": [blow.rule]})


def test_the_settings_of_a_time_lapse_are_settings() -> None:
    slow, fast = (load_settings({}, environ=settings(factor)) for factor in (1, 20))
    assert slow.delivery.longest_pause_seconds == 900
    assert fast.delivery.longest_pause_seconds == 45


def test_the_rules_that_make_alerts_to_deliver_are_sound() -> None:
    read = read_files([RULES_FOLDER], AlertSettings())
    assert {each.rule.channels for each in sound(read, 1).values() if each.rule is not None} == {("local",)}
    assert warnings_of(read) == []


def test_what_is_applied_as_a_fault_compiles_and_names_nobody() -> None:
    read = read_files([APPLIED], AlertSettings())
    channels = {own: each.rule.channels for own, each in sound(read, 1).items() if each.rule is not None}
    assert list(channels.values()) == [("nobody",)]
    assert [blow.rule for fault in FAULTS for blow in blows(fault) if isinstance(blow, Applied)] == [
        path.stem for path in APPLIED.glob("*.yaml")
    ]


def test_faults_are_listed_and_chosen_by_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list", "kafka"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "Kafka paused: HeadwaterHeadStalled" in listed
    assert all("afka" in line for line in listed)
    assert command.main(["no such fault"]) == command.LACKING
    assert "--list" in capsys.readouterr().err
