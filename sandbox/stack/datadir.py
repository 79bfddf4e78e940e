"""The data directory: one `up` at a time, one chain for ever, never opened by an older version."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from filelock import FileLock, Timeout

from headwater import __version__
from headwater.digits import decimal
from headwater.errors import Fatal

LAYOUT = 1  # raised when an older version could not read what this one writes
START_BYTES = 256 << 20
RUN_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class Meta:
    """What `meta.json` says of a directory. `chain_id` 0, `genesis` "", `brokers` 0: not known yet."""

    layout: int = LAYOUT
    version: str = __version__
    chain: str = ""
    chain_id: int = 0
    genesis: str = ""
    brokers: int = 0


class DataDir:
    """An open data directory. A context manager: leaving it gives the lock back."""

    def __init__(self, path: Path) -> None:
        """Make and lock the directory. Raises Fatal with the remedy: in use, newer version, no room."""
        self.path = path.expanduser().absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Fatal(
                f"the data directory {self.path} cannot be made: {error.strerror}",
                remedy="name another one with --data-dir",
            ) from error
        self._lock = FileLock(self.path / "lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise Fatal(
                f"another `headwater up`{self._holder()} runs in {self.path}",
                remedy="stop that one (Ctrl-C or SIGTERM), or name another directory with --data-dir",
            ) from error
        except OSError as error:
            raise Fatal(
                f"the data directory {self.path} cannot be written to: {error.strerror}",
                remedy="name another one with --data-dir",
            ) from error
        try:
            check_room(self.path, START_BYTES)
            self.meta = check_version(self._read())
            (self.path / "pid").write_text(f"{os.getpid()}\n", encoding="ascii")
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self.path / "pid").unlink(missing_ok=True)
        self._lock.release()

    def bind_chain(self, chain: str, chain_id: int, genesis: str) -> None:
        """Give the directory to a chain, or check that it is its own; `genesis` "" when not known.

        Raises Fatal with the remedy when the directory belongs to another chain.
        """
        self._write(check_chain(self.meta, chain, chain_id, genesis, self.path))

    def bind_brokers(self, brokers: int) -> None:
        """Give the directory a Kafka cluster of `brokers`. Raises Fatal when it has one of another size."""
        if self.meta.brokers not in (0, brokers):
            raise Fatal(
                f"{self.path} has a Kafka cluster of {self.meta.brokers}, and {brokers} were asked for",
                remedy=f"use --brokers {self.meta.brokers}, or name another directory with --data-dir",
            )
        self._write(replace(self.meta, brokers=brokers))

    def _write(self, meta: Meta) -> None:
        self.meta = replace(meta, version=__version__)
        staging = self.path / ".meta.json"
        staging.write_text(json.dumps(asdict(self.meta), indent=2) + "\n", encoding="utf-8")
        staging.replace(self.path / "meta.json")

    def _read(self) -> Meta:
        path = self.path / "meta.json"
        if not path.exists():
            return Meta()
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            known = {name: content[name] for name in Meta.__dataclass_fields__ if name in content}
            return Meta(**known)
        except (ValueError, TypeError) as error:
            raise Fatal(
                f"{path} is not understood: {error}", remedy="restore it, or use another --data-dir"
            ) from error

    def _holder(self) -> str:
        try:
            return f" (process {(self.path / 'pid').read_text(encoding='ascii').strip()})"
        except OSError:
            return ""


def check_version(meta: Meta) -> Meta:
    """Raise Fatal when a newer Headwater wrote the directory."""
    if meta.layout > LAYOUT or _numbers(meta.version) > _numbers(__version__):
        raise Fatal(
            f"this data directory was written by Headwater {meta.version}, and this is {__version__}",
            remedy=f"run Headwater {meta.version} or newer, or name another directory with --data-dir",
        )
    return meta


def check_chain(meta: Meta, chain: str, chain_id: int, genesis: str, path: Path) -> Meta:
    """`meta` with the chain filled in. Raises Fatal when it names another chain."""
    remedy = (
        f"name another directory with --data-dir (or delete {path} if what is in it may be lost), "
        "or follow the chain that it belongs to"
    )
    if meta.chain_id and meta.chain_id != chain_id:
        raise Fatal(
            f"{path} belongs to the chain {meta.chain} (id {meta.chain_id}), "
            f"and the node is on {chain} (id {chain_id})",
            remedy=remedy,
        )
    if meta.genesis and genesis and meta.genesis != genesis:
        raise Fatal(
            f"{path} belongs to a chain of id {meta.chain_id} whose first block is {meta.genesis}, "
            f"and the node's first block is {genesis}: it is another chain with the same id",
            remedy=remedy,
        )
    return replace(meta, chain=chain, chain_id=chain_id, genesis=meta.genesis or genesis)


def check_room(path: Path, least: int) -> None:
    """Raise Fatal, naming the disk, when fewer than `least` bytes are free where `path` is."""
    free = shutil.disk_usage(path).free
    if free < least:
        raise disk_full(path, free)


class DiskFull(Fatal):
    """The disk under a data directory takes no more: what still runs on it has nothing to wait for."""


def disk_full(path: Path, free: int) -> DiskFull:
    """The error that says which disk is full."""
    return DiskFull(
        f"the disk {disk_of(path)}, which holds {path}, is full ({free >> 20} MiB free); nothing is lost",
        remedy="free some space there and start again: it continues where it stopped",
    )


def disk_of(path: Path) -> str:
    """Device and mount point of the file system that holds `path`, as `/dev/sda1 on /`."""
    best = ("", "")
    for partition in psutil.disk_partitions(all=True):
        mount = partition.mountpoint
        inside = Path(mount) == path or Path(mount) in path.parents
        if inside and len(mount) >= len(best[1]):
            best = (partition.device or partition.fstype, mount)
    return f"{best[0]} on {best[1]}" if best[1] else "that holds it"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(decimal(part) or 0 for part in version.split("."))
