"""Cgroups and folders of a run go with it, whatever was made in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cluster import enclosure


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """A list of mounts with two hierarchies of version 1, which are plain folders here."""
    for name in ("cpuset", "cpu"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    path = tmp_path / "mounts"
    path.write_text("".join(f"cgroup {tmp_path / name} cgroup rw 0 0\n" for name in ("cpuset", "cpu")))
    return path


@pytest.mark.parametrize("ends", [False, True], ids=["well", "badly"])
def test_groups_go_with_all_that_was_made_below(mounts: Path, ends: bool) -> None:
    def use() -> None:
        with enclosure.cgroup("run", mounts) as group:
            assert group == "/run"
            for name in ("cpuset", "cpu"):
                (mounts.parent / name / "run" / "kubepods" / "burstable" / "pod1").mkdir(parents=True)
            if ends:
                raise ValueError("it went wrong")

    if ends:
        with pytest.raises(ValueError, match="it went wrong"):
            use()
    else:
        use()
    assert [path.name for path in mounts.parent.rglob("*") if path.is_dir()] in (
        ["cpuset", "cpu"],
        ["cpu", "cpuset"],
    )


def test_what_a_killed_run_left_is_removed_and_what_lives_stays(mounts: Path, tmp_path: Path) -> None:
    dead, alive = enclosure.name_of(2**22 + 1), enclosure.name_of(os.getpid())  # no pid is above 2**22
    for name in (dead, alive):
        for place in ("state", "cpu", "cpuset"):
            (tmp_path / place / name / "logs").mkdir(parents=True)
    (tmp_path / "state" / dead / "logs" / "etcd.log").touch()
    enclosure.sweep(tmp_path / "state", mounts)
    for place in ("state", "cpu", "cpuset"):
        assert [path.name for path in (tmp_path / place).iterdir() if path.is_dir()] == [alive]


def test_the_state_goes_and_logs_stay_when_they_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "of a run before").mkdir(parents=True)
    with enclosure.state(tmp_path) as folder:
        (folder / "logs" / "etcd.log").write_text("started")
        enclosure.keep_logs(folder / "logs", kept)
    assert not folder.exists()
    assert [path.name for path in kept.iterdir()] == ["etcd.log"]
