"""Every metric is counted by some module and documented, and what is read of metrics exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from headwater.metrics.markdown import every, markdown, scraped
from tests.paths import ROOT

METRICS = "headwater.metrics"
LISTED = {(module.__name__, name) for module, constants in every().items() for name in constants}
SCRAPED = {scraped(metric): metric for constants in every().values() for metric in constants.values()}
READERS = (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "sandbox").rglob("*.py"))


def test_the_committed_list_is_up_to_date() -> None:
    committed = (ROOT / "docs" / "metrics.md").read_text("utf-8")
    assert committed == markdown(), "run `python -m headwater.metrics.markdown > docs/metrics.md`"


def test_every_metric_is_named_for_the_project_and_says_what_it_is() -> None:
    assert len(SCRAPED) > 20
    for name, metric in SCRAPED.items():
        (family,) = metric.describe()
        assert name.startswith("headwater_")
        assert family.documentation


def test_every_metric_is_counted_by_a_module() -> None:
    sources = [
        path
        for package in ("headwater", "streams", "connectors", "audit", "sandbox")
        for path in (ROOT / package).rglob("*.py")
        if not path.is_relative_to(ROOT / "headwater" / "metrics")
    ]
    texts = [text for text in (path.read_text("utf-8") for path in sources) if "headwater.metrics" in text]
    counted = {use for text in texts for use in _uses(ast.parse(text))}
    assert LISTED - counted == set()


def test_no_page_and_no_screen_reads_a_metric_that_does_not_exist() -> None:
    parts = {f"{name}{part}" for name in SCRAPED for part in ("_bucket", "_sum", "_count")}
    known = {*SCRAPED, *parts, *(name.removesuffix("_total") for name in SCRAPED)}
    read = {
        str(path.relative_to(ROOT)): set(re.findall(r"\bheadwater_[a-z_]+[a-z]\b", path.read_text("utf-8")))
        for path in READERS
    }
    assert len(set().union(*read.values())) > 20
    assert {path: names - known for path, names in read.items() if names - known} == {}


def _uses(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(module, constant) of each metric that a module names, under whichever name it imported them."""
    modules: dict[str, str] = {}
    constants: dict[str, tuple[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == METRICS:
            modules |= {each.asname or each.name: f"{METRICS}.{each.name}" for each in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{METRICS}."):
            constants |= {each.asname or each.name: (node.module or "", each.name) for each in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr
        elif isinstance(node, ast.Name) and node.id in constants:
            yield constants[node.id]
