"""`DIR/endpoints.json`: where everything of a running stack listens."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headwater.errors import Fatal

NAME = "endpoints.json"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses on loopback. `metrics`: role → its Prometheus address. `chain_id` 0: not known yet."""

    kafka: str
    schema_registry: str
    clickhouse: str
    rpc: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    chain: str = "local"
    chain_id: int = 0


def write(directory: Path, endpoints: Endpoints) -> Path:
    """Put the file into place in one step: a reader sees the old one or the new one."""
    path = directory / NAME
    content = {name: value for name, value in asdict(endpoints).items() if value not in ("", 0)}
    staging = directory / f".{NAME}.{os.getpid()}"
    staging.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    staging.replace(path)
    return path


def read(directory: Path) -> Endpoints:
    """The file of a stack that runs, or ran, in `directory`. Raises Fatal when there is none."""
    path = directory / NAME
    try:
        return Endpoints(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise Fatal(
            f"nothing runs in {directory} (no {NAME})",
            remedy="start `headwater up` there, or name its directory with --data-dir",
        ) from error
    except (TypeError, ValueError) as error:
        raise Fatal(f"{path} is not understood: {error}", remedy="start `headwater up` again") from error


_SETTINGS = {
    "kafka": "kafka.bootstrap_servers",
    "schema_registry": "registry.url",
    "clickhouse": "clickhouse.url",
    "rpc": "chain.rpc",
    "chain": "chain.name",
    "chain_id": "chain.chain_id",
}


def settings(directory: Path) -> tuple[str, Mapping[str, object]]:
    """The file's name, and the settings that it gives: none where nothing runs. Raises Fatal."""
    path = directory / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return str(path), {}
    except (OSError, ValueError) as error:
        raise Fatal(
            f"cannot read {path}: {error}", remedy="start `headwater up` again or remove the file"
        ) from error
    given = {setting: found.get(name) for name, setting in _SETTINGS.items()}
    return str(path), {setting: value for setting, value in given.items() if value is not None}
