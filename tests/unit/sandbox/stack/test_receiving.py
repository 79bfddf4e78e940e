"""The local stack's receiver: its secret, its channels, and who is told of them."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from connectors.delivery.channels.channel import Services
from connectors.delivery.channels.text import Written, read
from connectors.delivery.channels.webhook import Webhook as WebhookChannel
from connectors.delivery.topic import channels
from connectors.delivery.topic.channels import Applied
from headwater.errors import Fatal, Permanent
from headwater.settings import Settings, load_settings
from sandbox.stack.receiving import CHANNELS, LocalReceiver, apply_channels, kept_secret
from sandbox.stack.roles import ROLES, role_parts


def test_the_secret_is_made_once_and_its_owners_only(tmp_path: Path) -> None:
    file = tmp_path / "stack" / "webhook-secret"
    secret = kept_secret(file)
    assert Webhook(secret)
    assert kept_secret(file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_its_channels_are_usable_with_what_deliver_alone_is_told(tmp_path: Path) -> None:
    receiver = LocalReceiver(9, kept_secret(tmp_path / "secret"))
    ports = {role.name: 1 for role in ROLES}
    parts = role_parts({}, tmp_path, ports, needs=(), own={"deliver": receiver.variables})
    told = {part.name: part.command().env for part in parts}
    assert [name for name, env in told.items() if receiver.secret in env.values()] == ["deliver"]
    local, _ = read(CHANNELS, "local")
    channel = local.settings.make(Services(None, told["deliver"]))  # type: ignore[arg-type]
    assert isinstance(channel, WebhookChannel)
    assert channel.url == receiver.url
    assert receiver.secret in receiver.part(tmp_path).command().env.values()


def test_a_file_of_channels_that_cannot_be_is_refused(tmp_path: Path) -> None:
    settings, file = load_settings(environ={}), tmp_path / "channels.yaml"
    with pytest.raises(Fatal, match="cannot read"):
        apply_channels(settings, file)
    file.write_text("- {id: a, kind: pigeon}")
    with pytest.raises(Permanent, match=r"channels\.yaml: channel 1 \(a\): there is no kind pigeon"):
        apply_channels(settings, file)


class Topic:
    """The channels that are applied, in memory."""

    def __init__(self) -> None:
        self.channels: dict[str, Applied] = {}
        self.writes: list[str] = []

    def __call__(self, settings: Settings) -> Topic:
        return self

    def refresh(self) -> dict[str, Applied]:
        return self.channels

    def close(self) -> None:
        """Nothing is open."""

    def apply(self, settings: Settings, wanted: Sequence[Written], known: Mapping[str, Applied]) -> None:
        for each in wanted:
            text = channels.settings_text(each.settings)
            since = known[each.id].since if each.id in known else 7
            self.channels[each.id] = Applied(each.id, each.kind, text, since, "me", each.settings)
            self.writes.append(each.id)

    def remove(self, settings: Settings, channel: str) -> None:
        del self.channels[channel]


def test_the_local_channels_stay_as_the_user_left_them_and_a_file_takes_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic()
    for name, stand_in in (("ChannelTopic", topic), ("apply", topic.apply), ("remove", topic.remove)):
        monkeypatch.setattr(channels, name, stand_in)
    settings, file = load_settings({"data_dir": str(tmp_path)}, environ={}), tmp_path / "channels.yaml"
    assert apply_channels(settings, None) == {"local", "console"}
    assert apply_channels(settings, None) == {"local", "console"}
    assert topic.writes == ["local", "console"]
    # He changes one, takes the other out and has one of his own: as if by `headwater channels`.
    topic.apply(settings, read("- {id: local, kind: print}\n- {id: his, kind: print}", "his"), topic.channels)
    topic.remove(settings, "console")
    assert apply_channels(settings, None) == {"local", "his"}
    assert topic.channels["local"].kind == "print"
    file.write_text("{id: ops, kind: print}")
    assert apply_channels(settings, file) == {"local", "his", "ops"}
    fresh, other = Topic(), load_settings({"data_dir": str(tmp_path / "other")}, environ={})
    (tmp_path / "other").mkdir()
    for name, stand_in in (("ChannelTopic", fresh), ("apply", fresh.apply), ("remove", fresh.remove)):
        monkeypatch.setattr(channels, name, stand_in)
    apply_channels(other, None)
    assert apply_channels(other, file) == {"ops"}
    assert apply_channels(other, None) == {"ops", "local", "console"}
