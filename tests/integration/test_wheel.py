"""The wheel carries everything: installed elsewhere, `headwater up` works from an empty folder."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that holds the wheel; the dependencies are this environment's.

    A path in a .pth file brings their packages but not their own .pth files, so the checkout, which is
    installed in editable form, is not seen.
    """
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(folder),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("headwater-*.whl")
    venv.create(folder / "environment", with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "environment")}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "environment" / "bin" / "python"


def test_the_line_runs_from_the_wheel_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [installed, "-c", "import headwater, schemas, connectors; print(headwater.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(installed.parent.parent) in where.stdout
    done = subprocess.run(
        [installed, "-m", "headwater", "up", "--plain", "--until-block", "3", "--traffic", "5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert (tmp_path / ".headwater" / "endpoints.json").exists()
