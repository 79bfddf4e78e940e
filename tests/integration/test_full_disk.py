"""A disk that fills up under `headwater up`: named, nothing lost, and it goes on once there is room."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.stack.services import Programs

pytestmark = [pytest.mark.soak, pytest.mark.timeout(240)]
# In a user and mount namespace of its own, so that no right is needed to have a small disk.
ALONE = ("unshare", "--user", "--map-root-user", "--mount")
DISK = "mount -t tmpfs -o size=900m tmpfs"


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """The mount point of a disk of 900 MiB. Skips where this machine gives no namespaces to users."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("there is no `unshare` (Linux only) to make a small disk with")
    tried = subprocess.run(
        [*ALONE, "sh", "-c", f"{DISK} {place}"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"this machine gives no mount namespaces: {tried.stderr.strip()}")
    return place


def test_a_full_disk_is_named_and_nothing_is_lost(small_disk: Path, programs: Programs) -> None:
    script = f"{DISK} {small_disk} && exec {sys.executable} -m tests.integration.full_disk {small_disk}"
    done = subprocess.run(
        [*ALONE, "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr
