"""The local stack's receiver: its secret, its channels, and who is told of them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from connectors.delivery.channels.channel import Services
from connectors.delivery.channels.text import read
from connectors.delivery.channels.webhook import Webhook as WebhookChannel
from headwater.errors import Fatal, Permanent
from headwater.settings import load_settings
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
