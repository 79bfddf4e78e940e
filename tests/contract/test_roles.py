"""Every process of the pipeline serves health and metrics first, and is one of the local stack's."""

from __future__ import annotations

import ast
import re
import signal

import pytest
from typer.testing import CliRunner

from headwater.cli import COMMANDS, build, role
from headwater.heartbeat import Loop
from sandbox.stack.roles import ROLES, Role
from tests.paths import ROOT

# Where each command's process says how it is.
PACKAGES = {
    "listen": "connectors/evm",
    "work": "streams/runtime",
    "sink": "connectors/clickhouse/sink",
    "deliver": "connectors/delivery",
}


class ServedError(Exception):
    """The process got as far as serving."""


def test_every_command_that_starts_a_role_is_a_role_of_the_local_stack() -> None:
    starting = {
        path.stem
        for path in (ROOT / "headwater" / "cli").glob("*.py")
        if "start_role" in _called(path.read_text("utf-8"))
    }
    assert starting == {role.arguments[0] for role in ROLES}
    assert starting <= set(COMMANDS)


@pytest.mark.parametrize("started", ROLES, ids=lambda role: role.name)
def test_a_role_serves_where_it_is_told_before_it_does_anything(
    started: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[int, str]] = []

    def serve(port: int, host: str) -> int:
        served.append((port, host))
        raise ServedError

    monkeypatch.setattr(role, "serve", serve)
    # The handlers are those of a process; this one is pytest's.
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("HEADWATER_METRICS_PORT", "19099")
    monkeypatch.setenv("HEADWATER_METRICS_HOST", "127.0.0.9")
    done = CliRunner().invoke(build(started.arguments), list(started.arguments))
    assert isinstance(done.exception, ServedError), done.output
    assert served == [(19099, "127.0.0.9")]


@pytest.mark.parametrize("started", ROLES, ids=lambda role: role.name)
def test_a_role_says_when_it_is_ready(started: Role) -> None:
    package = ROOT / PACKAGES[started.arguments[0]]
    assert any("HEALTH.report" in _called(path.read_text("utf-8")) for path in package.rglob("*.py"))


@pytest.mark.parametrize("started", ROLES, ids=lambda role: role.name)
def test_a_role_gives_signs_of_life(started: Role) -> None:
    package = ROOT / PACKAGES[started.arguments[0]]
    assert any("HEALTH.beats.loop" in _called(path.read_text("utf-8")) for path in package.rglob("*.py"))


@pytest.mark.parametrize("loop", Loop, ids=lambda loop: loop.name)
def test_a_loop_is_some_modules_and_the_page_on_health_tells_of_it(loop: Loop) -> None:
    sources = [ROOT / "headwater" / "heartbeat.py", *(ROOT / "streams").rglob("*.py")]
    sources += (ROOT / "connectors").rglob("*.py")
    assert any(
        f"(Loop.{loop.name}" in path.read_text("utf-8") or f"= Loop.{loop.name}" in path.read_text("utf-8")
        for path in sources
    )
    health = (
        (ROOT / "docs" / "operations.md").read_text("utf-8").partition("## Health\n")[2].partition("\n## ")[0]
    )
    assert re.search(rf"`{loop}(`| )", health), f"name `{loop}` there"


def _called(source: str) -> set[str]:
    """The functions that a module calls, by name as written."""
    return {ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)}
