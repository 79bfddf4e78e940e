"""The part of the chart's schema that is the code's: what settings there are and what each may be.

`python -m tests.helm.settings_schema` writes it into helm/headwater/values.schema.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from headwater.settings import Settings
from tests.helm.chart import CHART

PATH: Final = CHART / "values.schema.json"
CHARTS_OWN: Final = frozenset(
    {
        "chain.name",
        "chain.chain_id",
        "chain.standby",
        "client_id",
        "data_dir",
        "metrics_host",
        "metrics_port",
        "metrics_port_file",
    }
)
"""What the chart sets; a template says what to do instead, as it does for secrets."""
# What a quoted value may be: environments and quotes are read as numbers by the settings, too.
_QUOTED: Final[dict[str, dict[str, Any]]] = {
    "integer": {"type": "string", "pattern": "^[0-9]+$"},
    "number": {"type": "string", "pattern": r"^[0-9]*\.?[0-9]+$"},
    "boolean": {"type": "string", "enum": ["true", "false"]},
    "array": {"type": "string"},
}
# What a schema has of a type and validates by.
_RULES: Final = frozenset(
    {
        "type",
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "items",
    }
)


def text(schema: str) -> str:
    """The chart's schema with the settings as the code has them."""
    whole = json.loads(schema)
    whole["definitions"]["settings"] = definition()
    return json.dumps(whole, indent=2) + "\n"


def definition() -> dict[str, Any]:
    """What `settings` may be, of all chains or of one."""
    model = Settings.model_json_schema()
    sections = model["$defs"]
    return {
        "description": "Settings as `headwater settings` names them",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: _section(name, sections[field["$ref"].rpartition("/")[2]])
            if "$ref" in field
            else _setting(name, field)
            for name, field in model["properties"].items()
        },
    }


def _section(section: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": model["description"],
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: _setting(f"{section}.{name}", field) for name, field in model["properties"].items()
        },
    }


def _setting(name: str, field: dict[str, Any]) -> dict[str, Any]:
    described = {"description": field["description"]}
    if name in CHARTS_OWN or is_secret(field):
        return described
    kinds = [kind for each in field.get("anyOf", [field]) for kind in _kinds(each)]
    return described | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def secrets() -> set[str]:
    """The settings that only a Secret may have."""
    model = Settings.model_json_schema()
    return {
        f"{section}.{name}"
        for section, at in model["properties"].items()
        if "$ref" in at
        for name, field in model["$defs"][at["$ref"].rpartition("/")[2]]["properties"].items()
        if is_secret(field)
    }


def is_secret(field: dict[str, Any]) -> bool:
    """Whether it is a password, an address with a key, or several of them."""
    return '"password"' in json.dumps(field)


def _kinds(field: dict[str, Any]) -> list[dict[str, Any]]:
    rules = {name: value for name, value in field.items() if name in _RULES}
    quoted = _QUOTED.get(field["type"]) if isinstance(field["type"], str) else None
    return [rules] if quoted is None else [rules, quoted]


def main(path: Path = PATH) -> None:
    """Write it."""
    path.write_text(text(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
