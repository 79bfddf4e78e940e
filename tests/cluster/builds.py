"""Go programs that no package manager brings, built once from pinned modules and kept in the user's cache.

What is built, and under which name it is kept, is decided by the committed files alone: `go.sum` has the hash
of every module.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from headwater.errors import Transient
from sandbox.downloads.cache import cache_dir, place
from tests.helm import toolbox

SOURCES: Final = Path(__file__).parent / "go"
KUBERNETES: Final = "1.34.4"
_VERSION: Final = "k8s.io/component-base/version."


@dataclass(frozen=True, slots=True)
class Build:
    """A folder below `go/`: its programs (name → package), and files of modules that are kept beside them.

    `minutes`: of CPU, on an empty cache.
    """

    name: str
    programs: Mapping[str, str]
    minutes: int
    link: str = "-s -w"
    # A module → the folder of it that is wanted.
    folders: Mapping[str, str] = field(default_factory=dict)


KUBE: Final = Build(
    "kube",
    {"kube": ".", "kubelet": "./kubelet"},
    10,
    f"-s -w -X {_VERSION}gitVersion=v{KUBERNETES} -X {_VERSION}gitMajor=1 -X {_VERSION}gitMinor=34",
)
KEDA_MODULE: Final = "github.com/kedacore/keda/v2"
KEDA: Final = Build(
    "keda",
    {"operator": f"{KEDA_MODULE}/cmd/operator", "adapter": f"{KEDA_MODULE}/cmd/adapter"},
    14,
    folders={KEDA_MODULE: "config/crd/bases"},
)
PAUSE: Final = Build("pause", {"pause": "."}, 0)


def folder(build: Build) -> Path:
    """Where a build is kept, by the hash of all that decides it."""
    digest = hashlib.sha256(repr((build.programs, build.link, build.folders)).encode())
    for path in sorted(path for path in (SOURCES / build.name).rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(SOURCES)}\0".encode() + path.read_bytes())
    return cache_dir() / "cluster" / f"{build.name}-{digest.hexdigest()[:12]}"


def built(build: Build) -> Path:
    """The folder with a build's programs, made when it is not there.

    Raises Transient with Go's last words when a module cannot be had, or a program cannot be built.
    """
    return place(folder(build), lambda staging: _make(build, staging))


def _make(build: Build, staging: Path) -> None:
    staging.mkdir()
    go, source = toolbox.go(), SOURCES / build.name
    for program, package in build.programs.items():
        target = str(staging / program)
        _run(
            go, ["build", "-mod=readonly", "-trimpath", "-ldflags", build.link, "-o", target, package], source
        )
    for module, inner in build.folders.items():
        module_folder = _run(go, ["list", "-m", "-f", "{{.Dir}}", module], source).strip()
        shutil.copytree(
            Path(module_folder) / inner, staging / Path(inner).name, copy_function=shutil.copyfile
        )


def _run(go: str, arguments: list[str], source: Path) -> str:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [go, *arguments], cwd=source, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        output = done.stderr.strip().splitlines()[-5:]
        raise Transient(
            f"go {' '.join(arguments[:2])} in {source} failed: {' | '.join(output)}",
            remedy="see to it that Go's modules can be fetched, then run it again: what was compiled is kept",
        )
    return done.stdout
