"""What a benchmark says: rows, printed as one table and written as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `against` names the limit or peer measured in the same run, `other` its figure in the
    same unit, `target` what is asked for in words, `met` whether it holds (None: nothing is asked).
    """

    name: str
    value: float | None
    unit: str
    against: str = ""
    other: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """value / other."""
        return self.value / self.other if self.value is not None and self.other else None


def publish(name: str, rows: Sequence[Row]) -> None:
    """Print the table and write `bench/results/<name>.json`."""
    table = Table(
        "benchmark", "value", "unit", "against", "its value", "ratio", "target", "", "note", box=None
    )
    for row in rows:
        met = {True: "[green]met", False: "[red]not met", None: ""}[row.met]
        table.add_row(
            row.name,
            _figure(row.value),
            row.unit,
            row.against,
            _figure(row.other),
            _figure(row.ratio),
            row.target,
            met,
            row.note,
        )
    Console(width=200).print(table)
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "processor": _processor()}
    document = {"machine": machine, "rows": [asdict(row) | {"ratio": row.ratio} for row in rows]}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
