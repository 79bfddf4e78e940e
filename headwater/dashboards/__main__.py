"""Writes every dashboard into a folder: `python -m headwater.dashboards helm/headwater/files/dashboards`."""

from __future__ import annotations

import sys
from pathlib import Path

from headwater.dashboards.every import DASHBOARDS
from headwater.dashboards.grafana import text

if __name__ == "__main__":
    (folder,) = map(Path, sys.argv[1:])
    for dashboard in DASHBOARDS:
        (folder / f"{dashboard.name}.json").write_text(text(dashboard), "utf-8")
