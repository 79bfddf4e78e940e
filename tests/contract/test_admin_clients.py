"""An admin client outlives the futures it gave: one that nothing refers to leaves them without an end."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.paths import ROOT

FOLDERS = ("audit", "bench", "connectors", "headwater", "sandbox", "streams", "tests", "topics")
MAKERS = {"admin", "AdminClient"}
AT_ONCE = {"list_topics", "list_groups"}
"""Methods that answer themselves, not by a future."""


def temporaries(source: str) -> Iterator[tuple[int, str]]:
    """Lines and methods where a future is asked of a client that no variable holds."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        maker = node.func.value.func if isinstance(node.func.value, ast.Call) else None
        name = maker.attr if isinstance(maker, ast.Attribute) else getattr(maker, "id", None)
        if name in MAKERS and node.func.attr not in AT_ONCE:
            yield node.lineno, node.func.attr


@pytest.mark.parametrize("maker", ["kafka.admin(settings)", "AdminClient({})", "admin(settings)"])
def test_a_temporary_client_is_found(maker: str) -> None:
    assert list(temporaries(f"{maker}.list_consumer_groups().result()")) == [(1, "list_consumer_groups")]
    assert list(temporaries(f"client = {maker}\nclient.list_consumer_groups().result()")) == []
    assert list(temporaries(f"{maker}.list_topics(timeout=10)")) == []


def test_no_future_is_asked_of_a_temporary_client() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {method}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, method in temporaries(path.read_text())
    ]
    assert found == []
