"""What can be known of the image without building it: what is installed in it, and what it runs as."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import metadata

import yaml
from packaging.requirements import Requirement

from headwater.cli.extras import packages as local_packages
from tests.paths import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
CONTAINERFILE = (ROOT / "Containerfile").read_text("utf-8")
INSTRUCTIONS = re.findall(r"^([A-Z]+) ((?:.*\\\n)*.*)$", CONTAINERFILE, re.MULTILINE)
LAST = INSTRUCTIONS[max(place for place, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM") :]


def cut(*options: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "container" / "base_lock.py"), *options],
        input=LOCK,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(lock: str) -> set[str]:
    return {name.lower() for name in re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", lock, re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_base_install_is_whole() -> None:
    """What each package of it requires, on this Python, is in it."""
    base = names(cut())
    for name in [*base, "headwater"]:
        try:
            requires = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:
            continue  # for another Python or platform
        for each in map(Requirement, requires):
            if each.marker is None or each.marker.evaluate({"extra": ""}):
                assert normal(each.name) in base, f"{name} requires {each.name}"


def test_the_base_install_has_nothing_of_the_local_stack_or_of_development() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    development = {
        re.split(r"[=<>;\[ ]", each, maxsplit=1)[0].lower()
        for each in project["optional-dependencies"]["dev"]
    }
    base = names(cut())
    assert len(base) > 20
    # What a base package requires too is there by right.
    assert base & {*local_packages(), *development} == set()


def test_every_line_of_the_cut_is_the_locks_own_hashes_included() -> None:
    assert set(cut().splitlines()) <= set(LOCK.splitlines())
    assert len(re.findall(r"--hash=sha256:", cut())) > len(names(cut()))
    assert names(cut("--only", "setuptools")) == {"setuptools"}


def test_a_package_that_the_lock_lacks_is_an_error() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "container" / "base_lock.py")],
        input=re.sub(r"^orjson==(?:.*\n)(?:    .*\n)*", "", LOCK, flags=re.MULTILINE),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "orjson" in done.stderr


def test_everything_that_is_copied_is_there_and_every_package_is_copied() -> None:
    copied = {
        source
        for name, rest in INSTRUCTIONS
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert [source for source in copied if not (ROOT / source).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {each.rstrip("*") for each in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert packages <= copied
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert copied.isdisjoint(ignored)


def test_only_the_base_is_taken_from_elsewhere() -> None:
    assert INSTRUCTIONS[0][0] == "ARG"
    assert {rest.split()[0] for name, rest in INSTRUCTIONS if name == "FROM"} == {"${BASE}"}


def test_the_end_runs_nothing_as_root_and_builds_nothing() -> None:
    assert "RUN" not in {name for name, _ in LAST}
    (user,) = (rest for name, rest in LAST if name == "USER")
    values = yaml.safe_load((ROOT / "helm/headwater/values.yaml").read_text())
    assert user == "{0}:{0}".format(values["workload"]["user"])
    assert int(user.partition(":")[0]) > 0


def test_the_entry_point_is_the_installed_command() -> None:
    (entry,) = (rest for name, rest in LAST if name == "ENTRYPOINT")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (command,) = yaml.safe_load(entry)
    assert command in project["scripts"]
