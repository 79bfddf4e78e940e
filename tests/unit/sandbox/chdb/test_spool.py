"""An INSERT's data is a file that the engine opens by a path, whatever the system has for that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.chdb import engine


@pytest.mark.parametrize("absent", ["", "files in memory", "paths of descriptors"])
def test_what_was_written_is_there_by_its_path(monkeypatch: pytest.MonkeyPatch, absent: str) -> None:
    if absent == "files in memory":
        monkeypatch.delattr(os, "memfd_create", raising=False)
    elif absent:
        monkeypatch.setattr(engine, "_DESCRIPTORS", Path("/nowhere/fd"))
    with engine.spool() as data:
        data.write(b"1\n")
        data.flush()
        assert Path(engine.path_of(data)).read_bytes() == b"1\n"
