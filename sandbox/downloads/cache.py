"""The user cache directory: one writer at a time, and nothing half-made is ever seen in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from filelock import FileLock

from headwater.errors import Permanent, Transient

CHUNK = 1 << 20


def cache_dir() -> Path:
    """Where downloads stay: `HEADWATER_CACHE_DIR`, else the platform's user cache. Made when absent.

    Raises Transient when it cannot be made or written to.
    """
    chosen = os.environ.get("HEADWATER_CACHE_DIR")
    path = Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("headwater")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Transient(
            f"the cache directory {path} cannot be made: {error.strerror}",
            remedy="set HEADWATER_CACHE_DIR to a directory that you may write to",
        ) from error
    return path


def place(target: Path, make: Callable[[Path], None]) -> Path:
    """Have `target` (a file or a directory) exist, made by `make(staging_path)` and renamed into place.

    Two processes may ask at once: one makes it, the other waits for it. A killed one leaves only a
    staging directory, which the next removes.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / f".{target.name}.lock"):
        if target.exists():
            return target
        with _staging(target) as staging:
            make(staging / target.name)
            (staging / target.name).replace(target)
    return target


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    prefix = f".{target.name}.staging-"
    for left in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def check_sha256(path: Path, expected: str, what: str) -> None:
    """Raise Permanent, naming `what`, unless the file's SHA-256 (hex) is `expected`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != expected:
        raise Permanent(
            f"{what} was fetched but is not the file that Headwater was built with "
            f"(SHA-256 {digest.hexdigest()}, expected {expected})",
            remedy="something between here and the repository changes files: use another network or mirror",
        )
