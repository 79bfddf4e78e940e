"""`DIR/endpoints.json`: where everything of a running stack listens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headwater.errors import Fatal
from sandbox.chdb.logins import write_private

NAME = "endpoints.json"
CURL = "clickhouse.curl"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses on loopback. `metrics`: role → its Prometheus address. `chain_id` 0: not known yet.

    ClickHouse has two logins: of a user who may do anything, which every command uses, and of a reader.
    """

    kafka: str
    schema_registry: str
    clickhouse: str
    rpc: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    chain: str = "local"
    chain_id: int = 0
    clickhouse_user: str = ""
    clickhouse_password: str = field(default="", repr=False)
    clickhouse_reader: str = ""
    clickhouse_reader_password: str = field(default="", repr=False)
    prometheus: str = ""
    alertmanager: str = ""


def write(directory: Path, endpoints: Endpoints) -> Path:
    """Put the file into place in one step: a reader sees the old one or the new one.

    Beside it `CURL`, by which `curl -K DIR/clickhouse.curl -d "SELECT 1"` asks ClickHouse as the reader. Both
    hold passwords: their owner alone may read them.
    """
    path = directory / NAME
    content = {name: value for name, value in asdict(endpoints).items() if value not in ("", 0)}
    write_private(
        directory / CURL,
        f'url = "{endpoints.clickhouse}/"\n'
        f'user = "{endpoints.clickhouse_reader}:{endpoints.clickhouse_reader_password}"\n',
    )
    write_private(path, json.dumps(content, indent=2) + "\n")
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
    "clickhouse_user": "clickhouse.username",
    "clickhouse_password": "clickhouse.password",
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
    if not isinstance(found, dict):
        raise Fatal(f"{path} is not understood", remedy="start `headwater up` again or remove the file")
    given = {setting: found.get(name) for name, setting in _SETTINGS.items()}
    return str(path), {setting: value for setting, value in given.items() if value is not None}
