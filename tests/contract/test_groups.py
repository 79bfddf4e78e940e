"""Every stage of the one list is everywhere that a stage has to be, and nothing else is there."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import streams.agents
import streams.logic
from connectors.clickhouse.sink.routes import ROUTES
from headwater.cli import COMMANDS, build
from headwater.settings import load_settings
from sandbox.screen.clickhouse_view import TablesView
from sandbox.screen.collector import Scrape, derive
from sandbox.screen.snapshot import Snapshot
from sandbox.stack.roles import GATES, ROLES
from streams.agents import stage_spec
from streams.stage import StageSpec
from tests.paths import ROOT
from topics.catalog import TOPICS, assignor_name, changelog_name, spec, wanted
from topics.groups import DELIVER, GROUPS, NAMES, SINK, Group, Need
from topics.spec import Visibility

# Rules are applied by commands too: their logic is named after what it makes.
LOGIC = {name: name for name in NAMES} | {"alert": "alerts"}
# Where the same word is the name of something else than the group.
NOT_THE_GROUP = {
    "bench/__main__.py": "a benchmark",
    "bench/sink.py": "a benchmark",
    "headwater/cli/__init__.py": "a command",
    "headwater/dashboards/sink.py": "a dashboard",
}


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
def test_a_group_has_a_stage_and_logic_of_its_name(group: Group) -> None:
    found = stage_spec(group.name)
    assert isinstance(found, StageSpec)
    assert callable(found.build)
    importlib.import_module(f"streams.logic.{LOGIC[group.name]}")


def test_no_stage_and_no_logic_is_without_a_group() -> None:
    assert {each.name for each in pkgutil.iter_modules(streams.agents.__path__)} == set(NAMES)
    packages = {each.name for each in pkgutil.iter_modules(streams.logic.__path__) if each.ispkg}
    assert packages == set(LOGIC.values())


@pytest.mark.parametrize("group", GROUPS, ids=NAMES)
def test_the_catalogue_says_who_reads_and_writes_its_streams(group: Group) -> None:
    assert group.name in spec(group.input).consumers
    assert spec(group.input).visibility is Visibility.INTERNAL
    if group.output is None:
        kept = [each for each in (group.table, group.state) if each is not None]
        assert len(kept) == 1, "its last sequence must be somewhere, once"
    else:
        assert group.name in spec(group.output).producers
        assert spec(group.output).visibility is Visibility.INTERNAL
    written = {topic.stream for topic in TOPICS if group.name in topic.producers}
    assert "dead-letters" in written
    assert written - {"dead-letters"}, "it writes nothing but dead letters"


def test_the_catalogue_names_no_group_that_is_not_there() -> None:
    others = {
        *("listen", "sink", "api", "public", "verify", "replay", "rules", "lists", "labels", "stats"),
        *("deliver", "deliveries", "channels", "tokens"),
    }
    named = {name for topic in TOPICS for name in (*topic.producers, *topic.consumers)}
    assert named <= others | set(NAMES)
    assert set(NAMES) <= named


def test_the_topics_of_its_faust_application_are_made() -> None:
    settings = load_settings(environ={})
    made = wanted(settings)
    for group in GROUPS:
        assert assignor_name(settings, group.name) in made
        assert (changelog_name(settings, group) in made) == (group.table is not None)
    assert sum("__assignor" in name for name in made) == len(GROUPS)


def test_the_local_stack_runs_each_once_it_has_what_it_needs() -> None:
    roles = {role.name: role for role in ROLES}
    assert set(roles) == {"listen", "sink", "deliver", *NAMES}
    for group in GROUPS:
        assert roles[group.name].arguments == ("work", group.name)
        assert roles[group.name].needs == group.needs
    assert set(GATES) == set(Need)


def test_the_screen_shows_each() -> None:
    shown = derive(Snapshot("local", 31337), Scrape(1.0, {}), Scrape(0.0, {}), TablesView())
    assert [stage.name for stage in shown.stages] == [*NAMES, "sink"]


def test_the_command_line_names_each() -> None:
    assert all(name in COMMANDS["work"] for name in NAMES)
    help_text = CliRunner().invoke(build(["work"]), ["work", "--help"]).output
    # The summary above it names them too.
    argument = help_text.partition("Arguments:")[2]
    assert all(name in argument for name in NAMES)


def test_the_catalogue_says_what_the_sink_stores() -> None:
    assert {route.stream for route in ROUTES} == {each.stream for each in TOPICS if "sink" in each.consumers}


@pytest.mark.parametrize("name", [SINK, DELIVER])
def test_the_name_of_a_group_that_is_not_a_stage_is_written_once(name: str) -> None:
    rooms = ("audit", "bench", "connectors", "headwater", "sandbox", "schemas", "streams", "topics")
    found = {
        path.relative_to(ROOT).as_posix()
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
        if _has_literal(path, name)
    }
    assert found - NOT_THE_GROUP.keys() == {"topics/groups.py"}


def _has_literal(path: Path, name: str) -> bool:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return any(isinstance(each, ast.Constant) and each.value == name for each in nodes)
