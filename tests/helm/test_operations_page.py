"""What docs/operations.md has people type fits what the chart makes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from connectors.delivery.channels.text import read
from tests.helm import toolbox
from tests.helm.chart import CHART, NAMESPACE, Resource, helm, made, named
from tests.paths import ROOT
from topics.groups import GROUPS

PAGES = tuple(ROOT / "docs" / f"{name}.md" for name in ("operations", "runbook", "delivery"))
PAGE = PAGES[0].read_text("utf-8")
# Runs a line of Python beside a server that is not ready; in a process of its own, as tests have no sockets.
UNREADY = """
import http.server, sys, threading
class NotReady(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = b'{"kafka": {"ok": false}}'
        self.send_response(503)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), NotReady)
threading.Thread(target=server.serve_forever, daemon=True).start()
exec(sys.argv[1].replace("9464", str(server.server_port)))
"""
# The page's commands are about a release of this name that follows this chain.
RELEASE, CHAIN = "headwater", "ethereum"


def rendered() -> list[Resource]:
    values = CHART / "ci" / "mainnet-ha-values.yaml"
    done = helm("template", RELEASE, str(CHART), "-n", NAMESPACE, "-f", str(values))
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


# Behind the deploy/ of kubectl and so on; kinds that hooks make are rendered too.
KINDS = {"deploy": "Deployment", "job": "Job", "scaledobject": "ScaledObject"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_what_it_names_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    names = {(each["kind"], each["metadata"]["name"]) for each in rendered()}
    said = {
        (KINDS[kind], name)
        for kind, name in re.findall(rf"\b({'|'.join(KINDS)})[/ ](headwater-[a-z-]+)", text)
    }
    assert said <= names
    components = {
        each["metadata"].get("labels", {}).get("app.kubernetes.io/component") for each in rendered()
    }
    told = set(re.findall(r"component=([a-z-]+)", text))
    assert told <= components | {"prepare-job"}  # of the other way to prepare


def test_it_names_the_pod_of_commands_and_the_sink() -> None:
    assert f"deploy/{RELEASE}-{CHAIN}-tools" in PAGE
    assert f"deploy/{RELEASE}-{CHAIN}-sink" in PAGE


def test_the_plain_job_has_the_label_that_it_names() -> None:
    labels = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in made(named("no-hooks"))
        if each["kind"] == "Job"
    }
    assert labels == {"prepare-job"}
    assert "component=prepare-job" in PAGE


def test_its_way_to_readyz_shows_what_is_said_at_503_too() -> None:
    (line,) = re.findall(r'python3 -c "(import http.client [^"]+)"', PAGE)
    done = subprocess.run(
        [sys.executable, "-c", UNREADY, line], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == '503 {"kafka": {"ok": false}}\n'


def test_every_topic_is_in_the_table_of_what_is_lost() -> None:
    table = PAGE.partition("### A topic is lost\n")[2].partition("\n### ")[0]
    catalogue = json.loads((CHART / "files" / "topics.json").read_text("utf-8"))
    names = {each["name"].removeprefix("<chain>.") for each in catalogue["topics"]}
    of_faust = {name for name in names if name.endswith("-__assignor-__leader")}
    assert {name for name in names - of_faust if f"`{name}`" not in table} == set()
    assert "`…-__assignor-__leader`" in table
    read = {
        each["name"].removeprefix("<chain>.") for each in catalogue["topics"] if "sink" in each["read_by"]
    }
    told = {
        name
        for row in table.splitlines()
        if "| sink |" in row
        for name in re.findall(r"`([a-z-]+\.v1)`", row.partition("| sink |")[0])
    }
    assert told == read


def test_an_autoscaler_is_paused_and_not_scaled() -> None:
    """kubectl scale asks for a subresource that a ScaledObject does not have."""
    definition = yaml.safe_load((toolbox.custom_resources() / "keda.sh_scaledobjects.yaml").read_text())
    assert all("scale" not in each["subresources"] for each in definition["spec"]["versions"])
    assert not re.search(r"scale[^\n]*(scaledobject|ScaledObject)", PAGE)
    assert "annotate scaledobject headwater-ethereum-sink autoscaling.keda.sh/paused-replicas=0" in PAGE
    assert "annotate scaledobject headwater-ethereum-sink autoscaling.keda.sh/paused-replicas-" in PAGE


def test_what_an_uninstall_leaves_is_removed_by_its_line() -> None:
    (kinds,) = re.findall(r"delete\s+([a-z,]+) -l\s+app\.kubernetes\.io/instance=RELEASE`", PAGE)
    left = {
        each["kind"].lower()
        for each in rendered()
        if any("helm.sh/hook" in name for name in each["metadata"].get("annotations", {}))
    }
    assert set(kinds.split(",")) == left


def test_no_standby_is_promised_to_go_first() -> None:
    """Pod numbers say nothing of who works: no page may promise that a standby goes first."""
    assert "the standby first" not in PAGE


def test_the_runbook_says_who_writes_what_a_stage_lacks() -> None:
    """A gap is told by who reads, and mended by having who writes say it again."""
    gap = PAGES[1].read_text("utf-8").partition("### A gap in the sequence\n")[2].partition("\n## ")[0]
    rows = [each for each in gap.splitlines() if each.startswith("| ")]
    writers = {group.output: group.name for group in GROUPS if group.output is not None}
    for group in GROUPS:
        (row,) = (each for each in rows if f"`{group.name}`" in each.partition(" | ")[0])
        assert f"`ethereum.{group.input}.v1`" in row
        writer = writers.get(group.input)
        assert (f"`{writer}`, group `ethereum.{writer}`" if writer else "the listener") in row
    assert "normalize:NULL" in gap  # the key, as streams/runtime/progress.py reads it


def test_the_example_of_a_channel_and_its_rule_is_taken(tmp_path: Path) -> None:
    page = PAGES[2].read_text("utf-8")
    (channels,) = re.findall(r"```yaml\n# channels\.yaml\n(.*?)```", page, re.DOTALL)
    (rule,) = re.findall(r"```yaml\n# rule\.yaml[^\n]*\n(.*?)```", page, re.DOTALL)
    (channel,) = read(channels, "channels.yaml")
    assert yaml.safe_load(rule)["channels"] == [channel.id]
    settings = channel.settings.model_dump()
    for name in (settings["url_env"], settings["secret_env"]):
        assert f"--from-literal={name}=" in page
    (tmp_path / "rule.yaml").write_text(rule, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "headwater", "rules", "validate", str(tmp_path / "rule.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
