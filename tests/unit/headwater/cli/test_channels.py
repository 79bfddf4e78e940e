"""`headwater channels test` where this shell lacks what the role has."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from connectors.delivery.channels.text import checked
from connectors.delivery.topic.channels import Applied
from headwater.cli import build, channels
from headwater.errors import Fatal


def test_a_secret_that_only_the_role_has_is_named_with_where_to_put_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OPS_URL", raising=False)
    ops = Applied(
        "ops", "webhook", "{}", 0, "me", checked("webhook", {"url_env": "OPS_URL", "secret_env": "S"}, "f")
    )
    monkeypatch.setattr(channels, "_known", lambda settings: {"ops": ops})
    done = CliRunner().invoke(build(["channels", "test"]), ["channels", "test", "ops"])
    assert isinstance(done.exception, Fatal)
    assert done.exception.message == "channel ops: variable OPS_URL is not set"
    assert "sent from here, with the variables of this shell" in str(done.exception.remedy)
