"""Who may do what on Kafka: nobody is left out, and each fact is held against the list that it comes from."""

from __future__ import annotations

import re

import pytest

from audit.stream_check.session import READ
from connectors.delivery import router
from connectors.delivery.topic import ledger
from headwater.cli import COMMANDS as ALL_COMMANDS
from headwater.cli.statistics.progress import STORED
from headwater.settings import load_settings
from sandbox.stack.roles import ROLES as ALL_ROLES
from tests.paths import ROOT
from topics.access import COMMANDS, ON_ALL_TOPICS, ROLES, WITHOUT_KAFKA, access_of
from topics.catalog import TOPICS, wanted
from topics.docs.access import table
from topics.groups import NAMES
from topics.spec import TopicSpec

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
# Downstream services, and a service of old in the catalogue's prose.
OTHERS = {"public", "api"}


def test_every_role_and_every_command_has_its_rights() -> None:
    assert set(ROLES) == {role.name for role in ALL_ROLES}
    roles = {"listen", "work", "sink", "deliver"}
    assert set(ALL_COMMANDS) == roles | set(COMMANDS) | WITHOUT_KAFKA | ON_ALL_TOPICS


@pytest.mark.parametrize("spec", TOPICS, ids=lambda spec: spec.stream)
def test_whoever_the_catalogue_names_may_do_it(spec: TopicSpec) -> None:
    known = {*ROLES, *COMMANDS}
    assert set(spec.producers) <= known
    assert set(spec.consumers) - OTHERS <= known
    for who in spec.producers:
        assert spec.stream in access_of(who).write
    for who in set(spec.consumers) - OTHERS - {"verify"}:
        assert spec.stream in access_of(who).read


def test_a_stage_has_all_that_faust_makes_for_it() -> None:
    settings = load_settings({"chain": {"name": "c"}}, environ={})
    streams = {f"c.{spec.stream}.v1" for spec in TOPICS}
    assert {f"c.{own}" for name in NAMES for own in access_of(name).own} == set(wanted(settings)) - streams


def test_what_is_held_against_the_code_that_does_it() -> None:
    assert access_of("check-stream").read == set(READ)
    assert access_of("deliver").read_groups == (router.GROUP, ledger.GROUP)
    assert access_of("stats").describe | access_of("stats").write == set(STORED)


def test_letters_are_written_by_whoever_makes_them() -> None:
    writes = {who for who in ROLES if "dead-letters" in access_of(who).write}
    assert writes == {*NAMES, "sink", "deliver"}


def test_the_page_has_the_table() -> None:
    assert table() in PAGE, "python -m topics.docs.access prints it"
    assert len(re.findall(r"^\| `(?:listen|sink|deliver)` \|", PAGE, re.MULTILINE)) == 3
