"""`headwater up --observe`: every panel has data on the running stack; `lag` and `doctor` tell the truth."""

from __future__ import annotations

import json
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.dashboards.every import DASHBOARDS
from headwater.dashboards.model import Panel
from sandbox.stack.services import Programs
from tests.integration.line import Line
from topics.groups import NAMES

pytestmark = pytest.mark.timeout(240)
PANELS = [
    (dashboard.name, panel) for dashboard in DASHBOARDS for row in dashboard.rows for panel in row.panels
]


@pytest.fixture
def line(tmp_path: Path, programs: Programs) -> Iterator[Line]:
    for program in ("prometheus", "prometheus-alertmanager"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: apt-get install {program})")
    line = Line(tmp_path / "data", "--observe")
    yield line.start()
    line.end()


def get(line: Line, what: str, path: str, **query: str) -> Any:
    url = f"{line.endpoints[what]}{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


def results(line: Line, expression: str) -> list[Any]:
    """What Prometheus answers now, with the variables that a person has chosen: all, and a rate of 30 s."""
    for name, value in {"$namespace": ".*", "$chain": ".*", "$__rate_interval": "30s"}.items():
        expression = expression.replace(name, value)
    answer = get(line, "prometheus", "/api/v1/query", query=expression)
    assert answer["status"] == "success", (expression, answer)
    found: list[Any] = answer["data"]["result"]
    return [each for each in found if each["value"][1] != "NaN"]


def answers(line: Line) -> bool:
    """Whether both servers have begun to."""
    try:
        get(line, "prometheus", "/api/v1/alertmanagers")
        get(line, "alertmanager", "/api/v2/status")
    except OSError:
        return False
    return True


def empty(line: Line, panel: Panel) -> list[str]:
    """The panel's queries without data."""
    return [query.expr for query in panel.queries if not results(line, query.expr)]


def test_every_panel_has_data_and_the_commands_find_all_well(line: Line) -> None:
    line.wait_ready()
    line.wait_until(lambda: answers(line), "Prometheus and Alertmanager answer", 60)
    filled = [(name, panel) for name, panel in PANELS if not panel.sparse]

    def missing() -> list[tuple[str, str, list[str]]]:
        return [(name, panel.title, found) for name, panel in filled if (found := empty(line, panel))]

    try:
        line.wait_until(lambda: not missing(), "every panel has data", 90)
    except AssertionError as error:
        raise AssertionError(missing()) from error
    for name, panel in PANELS:
        assert results(line, panel.queries[0].expr) is not None, (name, panel.title)

    # Everybody keeps up, and what transactions leave behind the last message is not lag.
    caught_up = "max by (group) (min_over_time(headwater_consumer_lag[30s])) == 0"
    wanted = {*NAMES, "deliver", f"{line.settings.chain.name}.sink"}
    line.wait_until(
        lambda: {each["metric"]["group"] for each in results(line, caught_up)} >= wanted,
        "every group has caught up",
        60,
    )
    rules = [
        rule
        for group in get(line, "prometheus", "/api/v1/rules")["data"]["groups"]
        for rule in group["rules"]
    ]
    assert {rule["health"] for rule in rules} == {"ok"}
    firing = [rule["name"] for rule in rules if rule["state"] == "firing"]
    assert firing == []
    assert get(line, "prometheus", "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    assert get(line, "alertmanager", "/api/v2/status")["cluster"]["status"] == "disabled"

    told = line.command("lag", "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    groups = {each["role"]: each for each in json.loads(told.stdout)["groups"]}
    assert {role: groups[role]["members"] for role in (*NAMES, "sink", "deliver")} == dict.fromkeys(
        (*NAMES, "sink", "deliver"), 1
    )
    told = line.command("doctor", "--json")
    findings = json.loads(told.stdout)["findings"]
    bad = [each for each in findings if each["verdict"] in ("wrong", "unknown") and each["area"] != "disk"]
    assert bad == [], told.stdout
