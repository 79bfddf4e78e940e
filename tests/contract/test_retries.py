"""Whatever is tried again goes through `headwater.retry`: by Retry, or for a reason by its pauses alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from headwater import retry
from tests.paths import ROOT

WITHOUT_RETRY = {
    "audit/verify/run.py": "nothing failed: rows that differ are looked at again until the patience ends",
    "connectors/delivery/queue/channel.py": "pure: the time of the next attempt is written into the ledger",
    "connectors/delivery/queue/circuit.py": "pure: the time at which a channel is tried again",
    "connectors/evm/head/subscription.py": "the next try is another node; a head starts the pauses over",
    "connectors/evm/leadership/turns.py": "an election ends the pause at once, and never a reading under way",
    "connectors/evm/pool/asking/rounds.py": "a round is compared with the last one; the question's time ends",
    "sandbox/stack/run.py": "Ctrl-C ends it, as all that `headwater up` waits for, and is no failure",
    "sandbox/supervisor/supervisor.py": "moved by ticks of a clock: it notes when a part is due, never waits",
}
"""Modules that take pauses from Backoff without Retry, and why; `headwater/retry.py` has them too."""


def taken(path: Path) -> Iterator[str]:
    """What a module imports from headwater.retry."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "headwater.retry":
            yield from (alias.name for alias in node.names)


def modules() -> Iterator[tuple[str, set[str]]]:
    packages = sorted(path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests")
    assert len(packages) >= 8
    for package in packages:
        for path in package.rglob("*.py"):
            yield str(path.relative_to(ROOT)), set(taken(path))


def test_a_backoff_without_retry_has_its_reason() -> None:
    assert {name for name, found in modules() if "Backoff" in found and "Retry" not in found} == set(
        WITHOUT_RETRY
    )


def test_retrys_docstring_names_them_all() -> None:
    documented = retry.__doc__ or ""
    missing = [
        name
        for name in WITHOUT_RETRY
        if name not in documented and f"`{Path(name).parent}/`" not in documented
    ]
    assert missing == []


def test_nobody_makes_growing_pauses_by_hand() -> None:
    """`2**attempts` beside a constant of seconds is what Backoff is for."""
    own = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for package in sorted(ROOT.glob("*/__init__.py"))
        if package.parent.name != "tests"
        for path in package.parent.rglob("*.py")
        if path != ROOT / "headwater/retry.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Pow)
        and isinstance(node.left, ast.Constant)
        and node.left.value in (2, 2.0)
        and not isinstance(node.right, ast.Constant)
    ]
    assert own == []
