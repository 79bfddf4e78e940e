"""The version that an upgrade goes to: a copy of this tree whose tables and schemas have grown.

What is changed is what CONTRIBUTING.md says of a new field: a block's header has it from `normalize` on,
through both topics between the stages, to the public record, its table and the twin with settled rows. So
have what stages remember, which those of the other version take over, and the ledger of deliveries, which
processes of both versions read and write while one follows the other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from headwater.errors import Fatal

FIELD: Final = "trial"
VALUE: Final = "2"
"""What the second version writes into the field; to the first one it is unknown, and absent from its rows.

A number: so a rule sees any text that no list of texts names.
"""
ADDED: Final[Mapping[str, object]] = {
    "name": FIELD,
    "type": ["null", "string"],
    "default": None,
    "doc": "Written by a version that follows this one, to try upgrades.",
}
# Behind the last migration that there is or will be.
MIGRATION: Final = "connectors/clickhouse/migrations/9999_trial.sql"
HEADERS: Final = ("normalized-blocks", "enriched-blocks")
STREAMS: Final = (*HEADERS, "blocks", "aggregate-state", "alert-state", "deliveries")
TABLES: Final = ("blocks", "settled_blocks", "deliveries")
# File → what stands there once, and what stands there then.
EDITS: Final[Mapping[str, tuple[str, str]]] = {
    "streams/logic/normalize/records.py": (
        "        block.extra,\n    )\n",
        f"        block.extra,\n        {VALUE!r},\n    )\n",
    ),
    "connectors/delivery/queue/delivery.py": (
        "    notification_id: str | None = None\n",
        f"    notification_id: str | None = None\n    {FIELD}: str | None = {VALUE!r}\n",
    ),
}


def amend(tree: Path) -> None:
    """Make a copy of this version the next one.

    Raises Fatal where the code that is edited is not what it was, or the schemas are not sound afterwards.
    """
    for name, (before, after) in EDITS.items():
        text = (tree / name).read_text()
        if text.count(before) != 1:
            raise Fatal(f"{name} has {before!r} {text.count(before)} times", remedy="mend EDITS")
        (tree / name).write_text(text.replace(before, after))
    (tree / MIGRATION).write_text(migration())
    for stream in STREAMS:
        path = tree / "schemas" / "avro" / f"{stream}.avsc"
        path.write_text(json.dumps(grown(stream, json.loads(path.read_text())), indent=1) + "\n")
        _run(tree, "schemas", "freeze", stream)
    _run(tree, "schemas", "check", "--offline")


def migration() -> str:
    """The new columns, as any migration writes them."""
    column = f"ADD COLUMN IF NOT EXISTS {FIELD} Nullable(String)"
    return "".join(f"ALTER TABLE {{{{table:{each}}}}} {{{{on_cluster}}}} {column};\n" for each in TABLES)


def grown(stream: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the field at the end of the record that gets it."""
    fields: list[dict[str, Any]] = schema["fields"]
    if stream == "blocks":  # the fields of a header, and then what is counted
        fields.insert([each["name"] for each in fields].index("extra") + 1, dict(ADDED))
    elif stream in HEADERS:
        (header,) = (each for each in fields if each["name"] == "header")
        (body,) = (branch for branch in header["type"] if branch != "null")
        body["fields"].append(dict(ADDED))
    else:
        fields.append(dict(ADDED))
    return schema


def _run(tree: Path, *words: str) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    done = subprocess.run(
        [sys.executable, "-m", "headwater", *words],
        cwd=tree,
        env={**variables, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Fatal(f"the second version: headwater {' '.join(words)}: {done.stdout}{done.stderr}".strip())
