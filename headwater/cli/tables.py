"""Tables on the screen, their cells shown as they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich import box
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text


def table_of(
    names: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[str] = (),
    whole: Collection[str] = (),
    ruled: bool = True,
    tight: bool = False,
) -> Table:
    """A table; the columns of `right` are numbers, those of `whole` are never broken.

    `ruled`: with a line under the names. `tight`: columns stand as near to each other as can be.

    Errors, logs and rows of ClickHouse may have brackets, which rich would take for markup.
    """
    table = Table(box=box.SIMPLE_HEAD if ruled else None, pad_edge=False, collapse_padding=tight)
    for name in names:
        justify: JustifyMethod = "right" if name in right else "left"
        table.add_column(Text(name), justify=justify, no_wrap=name in whole, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def short(value: bytes | None) -> str:
    """The beginning of a block's hash, for a screen."""
    return "canonical" if value is None else f"0x{value.hex()[:10]}…"


def cut(text: str, longest: int = 160) -> str:
    """A text for one cell of a table."""
    return text if len(text) <= longest else f"{text[:longest]}…"
