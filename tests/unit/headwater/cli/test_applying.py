"""What `apply` of a file reads."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from headwater.cli import applying
from headwater.cli.alerting import reading
from headwater.errors import Fatal

readers = pytest.mark.parametrize("text_of", [applying.text_of, reading.text_of], ids=["apply", "rules"])


@readers
def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch, text_of: Any) -> None:
    """In a pod no file of the operator's is beside the command."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("€: 1\n".encode()), encoding="ascii"))
    assert text_of(Path("-")) == "€: 1\n"


@readers
def test_what_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text_of: Any) -> None:
    with pytest.raises(Fatal, match="gone"):
        text_of(tmp_path / "gone")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(Fatal, match=r"-: not UTF-8|cannot read -"):
        text_of(Path("-"))


def test_a_file_of_rules_is_not_looked_for_where_standard_input_is_meant() -> None:
    assert reading.files_of([applying.STDIN]) == [applying.STDIN]
