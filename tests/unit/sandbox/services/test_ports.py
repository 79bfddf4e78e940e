"""Ports that a directory keeps from run to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.services.ports import RememberedPorts


def test_a_directory_keeps_its_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.services.ports._is_free", lambda *_: True)
    first = RememberedPorts(tmp_path, {})
    port = first.take("kafka")
    first.release()
    again = RememberedPorts(tmp_path, {})
    assert again.take("kafka") == port
    again.release()
