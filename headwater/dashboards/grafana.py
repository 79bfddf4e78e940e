"""Grafana's JSON of a dashboard, as its import and its sidecar take it (schema version 39: Grafana 10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from headwater.dashboards.model import COLUMNS, Dashboard, Panel, PanelType, Row
from headwater.dashboards.select import VARIABLES

SCHEMA_VERSION: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
# What has all labels of the variables for every process there is.
_EVERY_PROCESS: Final = "headwater_build_info"


def text(dashboard: Dashboard) -> str:
    """The whole file."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document(dashboard), option=options).decode()


def document(dashboard: Dashboard) -> dict[str, object]:
    """The dashboard as Grafana has it. It has no id of its own: Grafana gives one, and goes by `uid`."""
    return {
        "uid": f"headwater-{dashboard.name}",
        "title": dashboard.title,
        "description": dashboard.meaning,
        "tags": ["headwater"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "utc",
        "links": [{"title": "Headwater", "type": "dashboards", "tags": ["headwater"], "keepTime": True}],
        "templating": {"list": [_data_source(), *map(_variable, VARIABLES)]},
        "panels": list(_panels(dashboard.rows)),
    }


def _data_source() -> dict[str, object]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(label: str) -> dict[str, object]:
    """A choice among the values of a label, all of them at first."""
    before = VARIABLES[: VARIABLES.index(label)]
    chosen = ", ".join(f'{each}=~"${each}"' for each in before)
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "query": {
            "query": f"label_values({_EVERY_PROCESS}{{{chosen}}}, {label})",
            "refId": label,
        },
        "refresh": 2,  # when the time range changes
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _panels(rows: tuple[Row, ...]) -> Iterator[dict[str, object]]:
    """Panels from the left, and below where the line is full. Ids count from 1."""
    number = top = 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        top, left, tallest = top + 1, 0, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left, tallest = top + tallest, 0, 0
            number += 1
            yield _panel(panel, number, left, top)
            left, tallest = left + panel.width, max(tallest, panel.height)
        top += tallest


def _panel(panel: Panel, number: int, left: int, top: int) -> dict[str, object]:
    return {
        "id": number,
        "type": panel.type.value,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _SOURCE,
        "gridPos": {"x": left, "y": top, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": {"unit": panel.unit.value, "min": 0}, "overrides": []},
        "options": _OPTIONS[panel.type],
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "range": True,
            }
            for index, query in enumerate(panel.queries)
        ],
    }


_OPTIONS: Final[dict[PanelType, dict[str, object]]] = {
    PanelType.LINES: {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    PanelType.NUMBER: {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value_and_name",
        "colorMode": "value",
        "graphMode": "area",
    },
}
