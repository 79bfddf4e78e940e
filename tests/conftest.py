"""What all tests share: settings of their own, and that only those of the stack touch a service."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_socket
import structlog

from tests.paths import DATA

# How fast the machine is decides nothing: it may be busy with anything else. `make soak` tries the second;
# on further Pythons CI tries the last: what another interpreter does otherwise, it does with any example.
for _name, _examples in (("headwater", 40), ("thorough", 200), ("few", 8)):
    hypothesis.settings.register_profile(
        _name,
        deadline=None,
        max_examples=_examples,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("headwater")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real-chain cases; the test is skipped where it is absent."""
    if not (DATA / "index.json").is_file():
        pytest.skip(f"no real-chain data at {DATA}: set HEADWATER_TEST_DATA")
    return DATA


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the developer's shell must not leak into a test."""
    for name in list(os.environ):
        if name.startswith("HEADWATER_") and not name.startswith(
            ("HEADWATER_TEST_", "HEADWATER_CACHE_DIR", "HEADWATER_JAVA_HOME")
        ):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logging_of_its_own() -> Iterator[None]:
    """A command run in a test sets logging up for the process, on an error stream that ends with the test."""
    yield
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(handler)


@pytest.fixture(autouse=True)
def _interpreters_own_recursion_limit() -> None:
    """As in a role: py_ecc, which web3 brings, raises the limit to 100,000 when it is imported.

    The JSON decoder's guard against deeply nested answers is that limit: raised, the stack runs out first.
    """
    sys.setrecursionlimit(1_000)


@pytest.fixture(autouse=True)
def _no_service(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A test that does not say that it needs the stack touches none: any socket but asyncio's is an error.

    Nor does it see the checkout's own stack: settings take addresses from ./.headwater, once `make run` was.
    """
    if request.node.get_closest_marker("integration") or request.node.get_closest_marker("soak"):
        return
    pytest_socket.disable_socket(allow_unix_socket=True)
    empty = tmp_path_factory.getbasetemp() / "empty"
    empty.mkdir(exist_ok=True)
    monkeypatch.chdir(empty)
