"""Every panel is about metrics that exist, its query parses, and the chart ships what the code makes."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from headwater.dashboards.every import DASHBOARDS
from headwater.dashboards.grafana import document, text
from headwater.dashboards.model import COLUMNS, Dashboard, Panel
from headwater.metrics.markdown import every, scraped
from tests.helm import toolbox
from tests.helm.chart import ACCEPTED, CHART, resources

FOLDER = CHART / "files" / "dashboards"
IDS = [each.name for each in DASHBOARDS]
REMEDY = "run `python -m headwater.dashboards helm/headwater/files/dashboards`"


def panels(dashboard: Dashboard) -> list[Panel]:
    return [panel for row in dashboard.rows for panel in row.panels]


def test_the_committed_files_are_those_that_the_code_makes() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.json" for name in IDS}, REMEDY
    for dashboard in DASHBOARDS:
        assert (FOLDER / f"{dashboard.name}.json").read_text("utf-8") == text(dashboard), REMEDY


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=IDS)
def test_every_panel_is_about_metrics_and_labels_that_exist(dashboard: Dashboard) -> None:
    metrics = {scraped(metric): metric for constants in every().values() for metric in constants.values()}
    labels = {name: {"namespace", *metric._labelnames} for name, metric in metrics.items()}
    for panel in panels(dashboard):
        assert panel.meaning, panel.title
        for query in panel.queries:
            used = re.findall(r"(headwater_[a-z_]+)\{([^}]*)\}", query.expr)
            assert len(used) == query.expr.count("headwater_"), query.expr
            known: set[str] = set()
            for name, selectors in used:
                base = re.sub(r"_(bucket|sum|count)$", "", name)
                own = labels.get(name) or labels.get(base)
                assert own is not None, f"{panel.title}: {name}"
                assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors)) <= own, query.expr
                known |= own
            # What a series is called stands among the labels that it is summed by.
            for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
                assert label in known, f"{panel.title}: {query.legend}"
                if by := re.findall(r"\bby \(([^)]*)\)", query.expr):
                    assert any(label in each.split(", ") for each in by), f"{panel.title}: {query.legend}"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=IDS)
def test_no_panel_lies_on_another(dashboard: Dashboard) -> None:
    made = json.loads(text(dashboard))["panels"]
    assert [each["id"] for each in made] == list(range(1, len(made) + 1))
    titles = [each["title"] for each in made]
    assert len(set(titles)) == len(titles)
    places = [each["gridPos"] for each in made]
    for place in places:
        assert place["x"] + place["w"] <= COLUMNS
    for before, after in pairwise(places):
        beside = after["y"] == before["y"] and after["x"] == before["x"] + before["w"]
        assert beside or (after["x"] == 0 and after["y"] >= before["y"] + before["h"])


def test_every_query_parses(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{dashboard.name}:{index}", "expr": query.expr.replace("$__rate_interval", "1m")}
        for dashboard in DASHBOARDS
        for index, query in enumerate(query for panel in panels(dashboard) for query in panel.queries)
    ]
    assert len(rules) > 60
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        [toolbox.promtool(), "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_chart_ships_every_dashboard_as_it_is() -> None:
    (values,) = (path for path in ACCEPTED if path.stem == "mainnet-ha-values")
    shipped = {
        name: json.loads(content)
        for each in resources(values, "ConfigMap")
        if each["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, content in each["data"].items()
    }
    assert shipped == {f"headwater-{each.name}.json": document(each) for each in DASHBOARDS}
