"""Tables on the screen show what they are given."""

from __future__ import annotations

import io

from rich.console import Console

from headwater.cli.tables import table_of


def test_brackets_are_text() -> None:
    out = io.StringIO()
    rows = [("logs[3]", "[/not a tag] [red]tagged[/red]")]
    Console(file=out, width=80).print(table_of(("array[0]", "error"), rows))
    assert "array[0]" in out.getvalue()
    assert "logs[3]" in out.getvalue()
    assert "[/not a tag] [red]tagged[/red]" in out.getvalue()
