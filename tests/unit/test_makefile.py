"""How `make` finds a Python and installs, each choice tried with the one before it absent."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.paths import ROOT

# What the recipes call beside Python.
TOOLS = ("sh", "make", "sed", "grep", "expand", "test", "touch", "dirname", "cat", "echo")
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with a shell, make and the tools of the recipes, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed")
        (folder / name).symlink_to(found)
    return folder


def program(place: Path, text: str) -> Path:
    place.write_text(f"#!{shutil.which('sh')}\n{text}\n")
    place.chmod(0o755)
    return place


def make(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": str(path), "HOME": os.environ.get("HOME", "/")}
    command = ["make", "--no-print-directory", "-C", str(ROOT), *words]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("first", range(len(PYTHONS)))
def test_the_first_python_that_fits_is_taken(path: Path, first: int) -> None:
    for number, name in enumerate(PYTHONS):
        program(path / name, f"exit {int(number < first)}")
    shown = make(path, "--eval", "chosen: ; @echo $(PYTHON)", "chosen")
    assert shown.stdout.strip() == PYTHONS[first], shown.stderr


@pytest.mark.parametrize("target", ["env", "fresh", "contracts"])
def test_without_a_python_that_fits_it_says_what_it_looked_for(
    path: Path, tmp_path: Path, target: str
) -> None:
    program(path / "python3", "exit 1")
    done = make(path, target, f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert f"Looked for: {' '.join(PYTHONS)}" in done.stderr
    assert f"make {target} PYTHON=" in done.stderr


@pytest.mark.parametrize("uv_works", [True, False], ids=["uv works", "uv fails"])
def test_where_uv_cannot_install_pip_does(path: Path, tmp_path: Path, uv_works: bool) -> None:
    venv, called = tmp_path / "venv", tmp_path / "called"
    (venv / "bin").mkdir(parents=True)
    program(path / "python3.11", "exit 0")
    program(venv / "bin" / "python", f'echo "python $*" >> {called}')
    program(venv / "bin" / "uv", f'echo "uv $*" >> {called}; exit {0 if uv_works else 1}')
    done = make(path, "env", f"VENV={venv}")
    assert done.returncode == 0, done.stderr
    everything = "-r requirements.lock"
    installs = [line for line in called.read_text().splitlines() if everything in line]
    assert [line.split()[0] for line in installs] == (["uv"] if uv_works else ["uv", "python"])
    assert all("--require-hashes" in line for line in installs)
    assert ("trying pip" in done.stderr) is not uv_works
    assert (venv / ".installed").exists()
