"""The images that pods run, as OCI archives in the cache: Headwater's two versions, and pause.

Of the Containerfile only BASE is substituted, by a minimal Debian that is made here: no registry of images is
needed. buildah keeps what it works with in a folder of its own, which goes when it is done.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from headwater.errors import Transient
from sandbox.downloads.cache import cache_dir, place
from tests.cluster import second_version
from tests.cluster.builds import PAUSE, built, folder
from tests.fresh import checkout
from tests.fresh.root import BUNDLE, debian_mirror

RELEASE: Final = "bookworm"
IMAGES: Final = "images"
KEPT: Final = 3
PACKAGES: Final = "python3,python3-venv,ca-certificates"
NAME: Final = "localhost/headwater"
OLD: Final = "1"
NEW: Final = "2"
VERSIONS: Final = (OLD, NEW)
PAUSE_NAME: Final = "localhost/pause:1"
# What the Containerfile copies.
COPIED: Final = (
    *("Containerfile", "requirements.lock", "pyproject.toml", "README.md", "LICENSE", "container/"),
    *("headwater/", "schemas/", "topics/", "streams/", "connectors/", "audit/", "sandbox/"),
)
# Of pip's settings those that say how this machine reaches packages.
REACHING: Final = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")


def context() -> list[str]:
    """The checkout's files that make the image."""
    return [name for name in checkout.files() if name.startswith(COPIED)]


def base_archive() -> Path:
    """Where the base is kept: a tar archive of its root."""
    return _kept(f"base-{RELEASE}", [PACKAGES.encode()])


def images() -> Path:
    """Where Headwater's images are kept: a folder, by the hash of what they are made of."""
    names = context()
    contents = (f"{name}\0".encode() + (checkout.CHECKOUT / name).read_bytes() for name in names)
    second = Path(second_version.__file__).read_bytes()
    return _kept(IMAGES, [base_archive().name.encode(), second, *contents], "")


def archive(version: str) -> Path:
    """A version's image: an OCI archive."""
    return images() / f"{version}.tar"


def pause_archive() -> Path:
    """Where the pause image is kept."""
    return _kept("pause-image", [folder(PAUSE).name.encode()])


def make_base() -> Path:
    """Make the base when it is not there. Raises Transient with mmdebstrap's last words."""
    mirror = debian_mirror()

    def make(staging: Path) -> None:
        options = ["--quiet", "--variant=minbase", f"--include={PACKAGES}", "--format=tar"]
        _run(["mmdebstrap", *options, RELEASE, str(staging), *([mirror] if mirror else [])])

    return place(base_archive(), make)


def make_images() -> Path:
    """Make Headwater's images when they are not there. Raises Transient with buildah's last words."""

    def make(staging: Path) -> None:
        staging.mkdir()
        base = make_base()
        with Buildah() as buildah:
            buildah.of_tree("localhost/base", base)
            source = buildah.folder / "context"
            checkout.copy(context(), source)
            settings = buildah.folder / "pip.conf"
            settings.write_text(pip_settings(_configured()))
            for version in VERSIONS:
                if version == NEW:
                    second_version.amend(source)
                name = f"{NAME}:{version}"
                buildah.run(
                    # With layers: what both have in common, its packages before all, is made once.
                    *("bud", "--layers", "--isolation", "chroot", "--network", "host", "--pull-never"),
                    *("--build-arg", "BASE=localhost/base", "--tag", name),
                    *("--volume", f"{os.environ.get('SSL_CERT_FILE', BUNDLE)}:{BUNDLE}:ro"),
                    *("--volume", f"{settings}:/etc/pip.conf:ro"),
                    str(source),
                )
                buildah.archive(name, name, staging / f"{version}.tar")

    made = place(images(), make)
    _forget(made)
    return made


def _forget(made: Path) -> None:
    """Remove all but the last few: each change of the sources leaves a folder, and each is large."""
    kept = sorted(made.parent.glob(f"{IMAGES}-*"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-KEPT]:
        if path != made:
            shutil.rmtree(path)


def make_pause() -> Path:
    """Make the pause image when it is not there."""

    def make(staging: Path) -> None:
        with Buildah() as buildah:
            buildah.of_tree(PAUSE_NAME, built(PAUSE) / "pause", "--entrypoint", '["/pause"]')
            buildah.archive(PAUSE_NAME, PAUSE_NAME, staging)

    return place(pause_archive(), make)


class Buildah:
    """buildah over a storage of its own, for the length of a context."""

    def __enter__(self) -> Buildah:
        self._temporary = tempfile.TemporaryDirectory(prefix="headwater-images-", dir="/var/tmp")
        self.folder = Path(self._temporary.name)
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    def run(self, verb: str, *arguments: str) -> str:
        """Run one of its commands; what it printed. Raises Transient with its last words."""
        storage = ["--root", str(self.folder / "root"), "--runroot", str(self.folder / "run")]
        return _run(["buildah", *storage, "--storage-driver", "overlay", verb, *arguments])

    def of_tree(self, name: str, content: Path, *configuration: str) -> None:
        """An image of one layer: a tar archive unpacked, or a file, at the root."""
        container = self.run("from", "scratch").strip()
        self.run("add", container, str(content), "/")
        if configuration:
            self.run("config", *configuration, container)
        self.run("commit", "--rm", container, name)

    def archive(self, image: str, reference: str, target: Path) -> None:
        """Write an image, under a reference, as an OCI archive."""
        self.run("push", image, f"oci-archive:{target}:{reference}")


def pip_settings(configured: str) -> str:
    """A pip.conf for the image's build, of what `pip config list` says: how packages are reached."""
    found = {}
    for line in configured.splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in REACHING:
            found[key] = value.strip().strip("'\"")
    return "".join(f"{line}\n" for line in ["[global]", f"cert = {BUNDLE}", *map(" = ".join, found.items())])


def _configured() -> str:
    return _run([sys.executable, "-m", "pip", "config", "list"])


def _kept(name: str, contents: Iterable[bytes], suffix: str = ".tar") -> Path:
    digest = hashlib.sha256()
    for each in contents:
        digest.update(hashlib.sha256(each).digest())
    return cache_dir() / "cluster" / f"{name}-{digest.hexdigest()[:12]}{suffix}"


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = (done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
        raise Transient(f"{command[0]} {command[-1]} failed: {' | '.join(output)}", remedy="see what it says")
    return done.stdout
