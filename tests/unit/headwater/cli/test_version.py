"""`headwater version`: what is here, and of the base install only."""

from __future__ import annotations

import json
import platform
from importlib import metadata

from typer.testing import CliRunner

from headwater import __version__
from headwater.cli import build
from headwater.cli.extras import packages as local_packages
from schemas import streams
from topics.catalog import TOPICS


def test_the_json_says_what_runs() -> None:
    done = CliRunner().invoke(build(["version"]), ["version", "--json"])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.output)
    assert facts["version"] == __version__
    assert facts["python"] == platform.python_version()
    assert (facts["schemas"], facts["topics"]) == (len(streams()), len(TOPICS))
    assert facts["packages"]["faust-streaming"] == metadata.version("faust-streaming")
    assert facts["packages"]["uvloop"] == metadata.version("uvloop")


def test_packages_of_the_extras_are_no_part_of_it() -> None:
    facts = json.loads(CliRunner().invoke(build(["version"]), ["version", "--json"]).output)
    assert set(facts["packages"]).isdisjoint({*local_packages(), "pytest", "mypy"})


def test_for_people_each_package_is_a_line() -> None:
    done = CliRunner().invoke(build(["version"]), ["version"])
    assert f"headwater {__version__}, Python {platform.python_version()}" in done.output
    assert f"orjson {metadata.version('orjson')}" in done.output.splitlines()
