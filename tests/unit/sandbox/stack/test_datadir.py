"""A data directory is for one `up`, one chain, and versions that can read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headwater import __version__
from headwater.errors import Fatal
from sandbox.stack import datadir
from sandbox.stack.datadir import DataDir, Meta, check_room, check_version

GENESIS = "0x" + "ab" * 32


def test_a_second_up_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    with DataDir(tmp_path), pytest.raises(Fatal, match=r"another `headwater up` \(process \d+\) runs"):
        DataDir(tmp_path)
    with DataDir(tmp_path):
        pass


def test_the_chain_is_remembered_and_another_one_refused(tmp_path: Path) -> None:
    with DataDir(tmp_path) as directory:
        directory.bind_chain("local", 31337, GENESIS)
    with DataDir(tmp_path) as directory:
        assert directory.meta == Meta(1, __version__, "local", 31337, GENESIS)
        with pytest.raises(Fatal, match=r"belongs to the chain local .* on ethereum \(id 1\); name another"):
            directory.bind_chain("ethereum", 1, "0x1")
        with pytest.raises(Fatal, match="another chain with the same id"):
            directory.bind_chain("local", 31337, "0x1")
        directory.bind_chain("local", 31337, "")
        assert directory.meta.genesis == GENESIS, "a node that does not know its first block changes nothing"


@pytest.mark.parametrize("written", [{"layout": 2}, {"version": "99.0.0"}])
def test_a_directory_of_a_newer_version_is_refused(tmp_path: Path, written: dict[str, object]) -> None:
    (tmp_path / "meta.json").write_text(json.dumps({"layout": 1, "version": "0.1.0", **written}))
    with pytest.raises(Fatal, match="was written by Headwater"):
        DataDir(tmp_path)
    (tmp_path / "meta.json").unlink()
    with DataDir(tmp_path):  # the refusal gave the lock back
        pass


def test_an_older_version_and_unknown_fields_are_read(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text(json.dumps({"layout": 1, "version": "0.0.9", "later": True}))
    with DataDir(tmp_path) as directory:
        assert check_version(directory.meta).version == "0.0.9"


def test_a_cluster_keeps_its_size(tmp_path: Path) -> None:
    with DataDir(tmp_path) as directory:
        directory.bind_brokers(3)
    with DataDir(tmp_path) as directory, pytest.raises(Fatal, match="use --brokers 3"):
        directory.bind_brokers(1)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datadir, "disk_of", lambda path: "/dev/sdz on /mnt")
    with pytest.raises(Fatal, match=rf"the disk /dev/sdz on /mnt, which holds {tmp_path}, is full"):
        check_room(tmp_path, 1 << 62)
    check_room(tmp_path, 1)


def test_the_disk_of_a_path_is_the_innermost_mount(tmp_path: Path) -> None:
    assert " on /" in datadir.disk_of(tmp_path)
