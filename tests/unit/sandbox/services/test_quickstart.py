"""Quick starts where the trial run gives no cache, as that of a Java too old to make one."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from sandbox.downloads.progress import LineProgress
from sandbox.services import quickstart
from sandbox.services.java import Java


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where caches are kept."""
    monkeypatch.setattr(quickstart, "cache_dir", lambda: tmp_path)
    return tmp_path


def test_without_its_file_a_service_starts_as_it_would_anyway(tmp_path: Path) -> None:
    assert quickstart.options(tmp_path / "kafka.aot") == ()


def test_with_its_file_a_service_starts_from_it(tmp_path: Path) -> None:
    made = tmp_path / "kafka.aot"
    made.touch()
    assert quickstart.options(made) == (f"-XX:AOTCache={made}", "-Xlog:disable")


def test_a_trial_that_makes_no_file_is_not_made_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials: list[Path] = []
    monkeypatch.setattr(quickstart, "_trial", lambda java, jars, home, staging, *_: trials.append(staging))
    java = tmp_path / "java"
    for _ in range(2):
        found = quickstart.prepare(java, (), tmp_path, LineProgress(StringIO()))
        assert found == {name: Java(java, ()) for name in quickstart.SERVICES}
    assert len(trials) == 1


def test_of_a_trial_that_makes_one_each_service_takes_its_own(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trial(java: Path, jars: object, home: Path, staging: Path, *_: object) -> None:
        (staging / "kafka.aot").touch()

    monkeypatch.setattr(quickstart, "_trial", trial)
    found = quickstart.prepare(tmp_path / "java", (), tmp_path, LineProgress(StringIO()))
    (directory,) = cache.glob("quickstart-*")
    assert found["kafka"].options == (f"-XX:AOTCache={directory / 'kafka.aot'}", "-Xlog:disable")
    assert found["registry"].options == ()
