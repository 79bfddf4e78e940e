"""An archive from outside writes plain files below its folder, and nothing else anywhere."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from headwater.errors import Permanent
from sandbox.downloads.archive import unpack


def packed(folder: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = folder / "packed.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def member(name: str, *, kind: bytes = tarfile.REGTYPE, mode: int = 0o644, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    return info


def test_files_and_folders_are_written_with_what_may_be_run(tmp_path: Path) -> None:
    archive = packed(
        tmp_path,
        (member("./app", kind=tarfile.DIRTYPE, mode=0o755), b""),
        (member("./app/lib/a.jar"), b"jar"),
        (member("app/run.sh", mode=0o4755), b"#!/bin/sh"),
    )
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/app/lib/a.jar").read_bytes() == b"jar"
    assert [(tmp_path / "out/app" / name).stat().st_mode & 0o7777 for name in ("lib/a.jar", "run.sh")] == [
        0o644,
        0o755,
    ]


@pytest.mark.parametrize(
    ("foreign", "why"),
    [
        (member("../above"), "outside"),
        (member("app/../../above"), "outside"),
        (member("/etc/above"), "outside"),
        (member("app/link", kind=tarfile.SYMTYPE, link="/etc"), "neither a file nor a folder"),
        (member("app/link", kind=tarfile.LNKTYPE, link="../x"), "neither a file nor a folder"),
        (member("app/pipe", kind=tarfile.FIFOTYPE), "neither a file nor a folder"),
    ],
    ids=lambda value: f"{value.name} {value.type!r}" if isinstance(value, tarfile.TarInfo) else value[:7],
)
def test_what_is_neither_is_refused_by_name(tmp_path: Path, foreign: tarfile.TarInfo, why: str) -> None:
    with pytest.raises(Permanent, match=why) as raised:
        unpack(packed(tmp_path, (foreign, b"")), tmp_path / "in" / "out")
    assert repr(foreign.name) in str(raised.value)
    assert not (tmp_path / "above").exists()
    assert not (tmp_path / "in" / "above").exists()
