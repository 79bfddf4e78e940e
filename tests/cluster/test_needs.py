"""What a machine lacks is said by name, with the command that brings it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.needs import CNI_PACKAGE, MEMORY_BYTES, PLUGINS, PROGRAMS, SPACE_BYTES, missing


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, Any]:
    for plugin in PLUGINS:
        (tmp_path / plugin).touch()
    return {
        "uid": 0,
        "machine": ("linux", "x86_64"),
        "which": lambda program: f"/usr/bin/{program}",
        "plugins": tmp_path,
        "recording": tmp_path,
        "free": SPACE_BYTES,
        "memory": MEMORY_BYTES,
    }


def test_a_machine_that_has_all_lacks_nothing(machine: dict[str, Any]) -> None:
    assert missing(**machine) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_named_with_its_package(machine: dict[str, Any], program: str) -> None:
    (found,) = missing(**machine | {"which": lambda wanted: wanted != program})
    assert found.startswith(f"{program}: apt-get install ")
    assert found.endswith(f" {PROGRAMS[program]}")


def test_packages_come_in_one_command(machine: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / PLUGINS[-1]).unlink()
    (found,) = missing(**machine | {"which": lambda _: None})
    assert set(found.partition("--no-install-recommends ")[2].split()) == {*PROGRAMS.values(), CNI_PACKAGE}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uid": 1000}, "sudo make cluster"),
        ({"machine": ("darwin", "arm64")}, "this is darwin on arm64"),
        ({"recording": Path("/nowhere/blocks")}, "/nowhere/blocks: set HEADWATER_TEST_DATA"),
        ({"free": 3 << 30}, "3 GiB are free"),
        ({"memory": 2 << 30}, "memory: 2 GiB"),
    ],
)
def test_whatever_else_is_missing_has_a_remedy(
    machine: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    (found,) = missing(**machine | change)
    assert message in found
