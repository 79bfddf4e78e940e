"""The two logins of a local ClickHouse, made once and kept beside its data, for their owner's eyes."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from headwater.errors import Fatal

WRITER: Final = "headwater"
READER: Final = "reader"
_BYTES: Final = 18


@dataclass(frozen=True, slots=True)
class Logins:
    """Passwords of `WRITER`, who may do anything, and of `READER`, who may ask the tables."""

    writer: str
    reader: str


def generate() -> Logins:
    """New passwords that need no quoting anywhere."""
    return Logins(secrets.token_urlsafe(_BYTES), secrets.token_urlsafe(_BYTES))


def kept(path: Path) -> Logins:
    """The logins in the file `path`, generated and written there when it does not exist. Raises Fatal."""
    try:
        return Logins(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        made = generate()
    except (OSError, TypeError, ValueError) as error:
        raise Fatal(
            f"cannot read the logins in {path}", remedy="remove the file: new ones are made"
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps(asdict(made)) + "\n")
    return made


def write_private(path: Path, text: str) -> None:
    """Put a file into place in one step, readable by its owner only from the first byte on."""
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    staging.unlink(missing_ok=True)
    descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    staging.replace(path)
