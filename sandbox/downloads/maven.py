"""Kafka and the schema registry from Maven repositories, through jgo, held to the committed hashes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from headwater.errors import HeadwaterError, Transient
from sandbox.downloads.archive import unpack as unpack_archive
from sandbox.downloads.cache import cache_dir, check_sha256, place
from sandbox.downloads.lockfile import Locked, read
from sandbox.downloads.progress import Advance, DownloadProgress

PARALLEL = 6
TIMEOUT_SECONDS = 60


def kafka_jars(progress: DownloadProgress) -> tuple[Path, ...]:
    """Kafka's jars, fetched when absent. Raises Transient (not fetched) or Permanent (wrong bytes)."""
    return _files("Apache Kafka", read("kafka"), progress)


def registry_dir(progress: DownloadProgress) -> Path:
    """The unpacked schema registry; its start class is in the jar at the top. Raises as `kafka_jars`."""
    (archive,) = read("registry")

    def unpack(staging: Path) -> None:
        (packed,) = _files("Apicurio Registry", (archive,), progress)
        unpack_archive(packed, staging)
        packed.unlink()

    return place(cache_dir() / f"{archive.name}-{archive.version}", unpack)


def _files(title: str, wanted: tuple[Locked, ...], progress: DownloadProgress) -> tuple[Path, ...]:
    directory = cache_dir() / "jars"
    paths = tuple(directory / item.filename for item in wanted)
    missing = [
        (item, path)
        for item, path in zip(wanted, paths, strict=True)
        # A file of another size was cut off or changed after it was checked.
        if not path.exists() or path.stat().st_size != item.size
    ]
    if missing:
        advance = progress.part(f"fetching {title}", sum(item.size for item, _ in missing))
        with ThreadPoolExecutor(PARALLEL) as pool:
            for future in [pool.submit(_fetch, item, path, advance) for item, path in missing]:
                future.result()
    return paths


def _fetch(item: Locked, path: Path, advance: Advance) -> None:
    if path.exists() and path.stat().st_size != item.size:
        path.unlink(missing_ok=True)
    counted = 0

    def count_up(count: int) -> None:
        nonlocal counted
        counted += count
        advance(count)

    place(path, lambda staging: _download(item, staging, count_up))
    if counted < item.size:  # another process fetched it, or its size was not announced
        advance(item.size - counted)


def _download(item: Locked, staging: Path, advance: Advance) -> None:
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def bar(name: str, total: int) -> Iterator[Callable[[int], None]]:
        yield advance

    mirror = os.environ.get("HEADWATER_MAVEN_REPOSITORY")
    context = MavenContext(
        resolver=PythonResolver(progress_callback=bar),
        repo_cache=staging.parent / "repository",
        local_repos=_machine_repositories(),
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=TIMEOUT_SECONDS,
    )
    artifact = (
        context.project(item.group, item.name)
        .at_version(item.version)
        .artifact(item.classifier, item.packaging)
    )
    try:
        found = Path(artifact.resolve())
    except HeadwaterError:
        raise
    except Exception as error:
        target = cache_dir() / "jars" / item.filename
        raise Transient(
            f"{item.coordinates} could not be fetched from the Maven repository ({_reason(error)})",
            remedy="run the same command again when the network reaches it (HTTPS_PROXY is honoured, "
            "HEADWATER_MAVEN_REPOSITORY names a mirror), or put the file, from a machine that has it, "
            f"at {target}",
        ) from error
    check_sha256(found, item.sha256, item.coordinates)
    staging.write_bytes(found.read_bytes()) if _is_elsewhere(found, staging) else found.replace(staging)


def _machine_repositories() -> list[Path]:
    """The machine's own Maven repository, read only: what is there need not be fetched again."""
    path = Path(os.environ.get("M2_REPO", Path.home() / ".m2" / "repository"))
    return [path] if path.is_dir() else []


def _is_elsewhere(found: Path, staging: Path) -> bool:
    return staging.parent not in found.parents


def _reason(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text[:160]}" if text else type(error).__name__
