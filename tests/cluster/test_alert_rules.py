"""The rules and channels of the cluster are such as the commands take, and lead to the receiver."""

from __future__ import annotations

from pathlib import Path

from connectors.delivery.channels import text
from connectors.delivery.channels.webhook import WebhookSettings
from headwater.cli.alerting.reading import problems_of, read_files, sound, warnings_of
from headwater.settings import AlertSettings, DeliverySettings
from tests.cluster.alert_rules import CHANNELS, EVERY, RULES, channels
from tests.cluster.services import SECRET_VARIABLE


def test_rules_are_sound_and_each_has_a_channel(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    bounds = AlertSettings()
    read = read_files([tmp_path], bounds)
    assert problems_of(read, bounds.max_unindexed) == []
    assert warnings_of(read) == []
    rules = sound(read, bounds.max_unindexed)
    assert len(rules) == RULES.count("- id")
    assert EVERY in rules
    assert {channel for each in rules.values() if each.rule for channel in each.rule.channels} == set(
        CHANNELS
    )


def test_channels_are_allowed_where_private_addresses_are() -> None:
    found = text.read(channels(), "channels")
    assert [each.id for each in found] == list(CHANNELS)
    for each in found:
        assert isinstance(each.settings, WebhookSettings)
        assert each.settings.secret_env == SECRET_VARIABLE
        assert not each.settings.problem(DeliverySettings(allow_private=True))
