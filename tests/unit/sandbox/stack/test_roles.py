"""Which processes a local pipeline has."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from headwater.cli.up import app
from headwater.errors import Fatal
from sandbox.stack.roles import ROLES, role_parts

NAMES = [role.name for role in ROLES]


@pytest.mark.parametrize("without", [(), ("state",), ("aggregate", "alert", "deliver")], ids=", ".join)
def test_what_has_no_port_for_its_metrics_is_left_out(without: tuple[str, ...], tmp_path: Path) -> None:
    kept = [name for name in NAMES if name not in without]
    parts = role_parts({}, tmp_path, dict.fromkeys(kept, 1), needs=())
    assert [part.name for part in parts] == kept


def test_a_process_that_is_none_of_ours_cannot_be_left_out() -> None:
    with pytest.raises(Fatal) as found:
        CliRunner().invoke(app, ["--without", "state", "--without", "stat"], catch_exceptions=False)
    assert "--without stat " in found.value.message
    assert all(name in found.value.remedy for name in NAMES)
