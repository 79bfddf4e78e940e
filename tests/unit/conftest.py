"""Unit tests touch no service: any socket but asyncio's own pair is an error."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_stack_of_the_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Settings take addresses from ./.headwater, which is there once `make run` was: not in a unit test."""
    monkeypatch.chdir(_empty(tmp_path_factory))


def _empty(factory: pytest.TempPathFactory) -> Path:
    folder = factory.getbasetemp() / "empty"
    folder.mkdir(exist_ok=True)
    return folder
