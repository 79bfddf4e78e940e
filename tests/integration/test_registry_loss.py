"""A schema registry that loses everything under a running line: nothing is misread, nothing set aside."""

from __future__ import annotations

import shutil
import signal
import urllib.request
from pathlib import Path
from urllib.parse import quote

import orjson
import pytest

from tests.integration.aftermath import prove_undisturbed
from tests.integration.checks import check_no_dead_letters
from tests.integration.line import ROLES, Line

WRITERS = tuple(role for role in ROLES if role != "sink")
pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


@pytest.mark.parametrize("seed", [9])
def test_a_registry_that_loses_its_schemas_is_waited_for_and_filled_again(tmp_path: Path, seed: int) -> None:
    line = Line(tmp_path / "line", "--traffic", "10", "--seed", str(seed), "--start", "earliest")
    try:
        line.start()
        # Deleted subjects take the ids of new messages away, not the schemas that ids stand for.
        for lose, roles in ((_lose_database, ROLES), (_delete_subjects, WRITERS)):
            _wait_more(line, 5)
            lose(line)
            _wait_more(line, 5)  # what was learned from it holds
            lengths = _forget(line)
            line.wait_until(
                lambda lengths=lengths, roles=roles: all(_waits(line, role, lengths[role]) for role in roles),  # type: ignore[misc]
                f"{', '.join(roles)} wait for the registry and say so",
                120,
            )
            check_no_dead_letters(line)
            assert line.command("schemas", "register").returncode == 0
            line.wait_ready()
            _wait_more(line, 5)
        prove_undisturbed(line, tmp_path / "fresh")
        assert line.stop() == 0
    finally:
        line.end()


def _lose_database(line: Line) -> None:
    """As if its volume had been replaced: its next start finds nothing."""
    assert line.signal("registry", signal.SIGSTOP) is not None
    shutil.rmtree(line.directory / "registry")
    (line.directory / "registry").mkdir()
    line.signal("registry", signal.SIGKILL)
    line.wait_until(lambda: _subjects(line) == [], "the registry is empty", 60)


def _delete_subjects(line: Line) -> None:
    for query in ("", "?permanent=true"):
        for subject in _subjects(line) or ():
            _ask(line, f"/subjects/{quote(subject, safe='')}{query}", "DELETE")
    assert _subjects(line) == []


def _forget(line: Line) -> dict[str, int]:
    """Kill every role: those that come instead know nothing of the registry, and each has something to read.

    How long the roles' logs were then.
    """
    for role in reversed(ROLES[1:]):  # the last one first, so that the one before it goes on writing
        assert line.signal(role, signal.SIGSTOP) is not None, role
        _wait_mined(line, 3)
    lengths = {role: len(line.role_log(role)) for role in ROLES}
    for role in ROLES:
        assert line.signal(role, signal.SIGKILL) is not None, role
    return lengths


def _waits(line: Line, role: str, length: int) -> bool:
    """Whether a role runs and says, as its health or in its log from `length` on, what it waits for."""
    told = line.readiness(role)[1] + line.role_log(role)[length:]
    return role in line.processes() and "schema registry" in told


def _wait_mined(line: Line, blocks: int) -> int:
    target = _height(line) + blocks
    line.wait_until(lambda: _height(line) >= target, f"block {target} is mined", 30)
    return target


def _wait_more(line: Line, blocks: int) -> None:
    target = _wait_mined(line, blocks)
    line.wait_until(lambda: (line.visible() or (0, ""))[0] >= target, f"block {target} is visible", 90)


def _height(line: Line) -> int:
    return int(line.rpc("eth_blockNumber"), 16)


def _subjects(line: Line) -> list[str] | None:
    """The registry's subjects, None while it does not answer."""
    try:
        found: list[str] = orjson.loads(_ask(line, "/subjects"))
    except OSError:
        return None
    return found


def _ask(line: Line, path: str, method: str = "GET") -> bytes:
    request = urllib.request.Request(line.endpoints["schema_registry"] + path, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        content: bytes = answer.read()
    return content
