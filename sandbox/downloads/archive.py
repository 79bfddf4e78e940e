"""Unpacking an archive that came from outside: plain files and folders, inside the target, nothing else.

`TarFile.extractall(filter=...)` does the same from Python 3.11.4 on; Debian 12 has 3.11.2.
"""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from headwater.errors import Permanent


def unpack(archive: Path, target: Path) -> None:
    """Write the files of a tar archive, compressed or not, below `target`, which is made.

    Of the modes only "executable" is kept. Raises Permanent naming a member that is neither a file nor a
    folder, or that would be written elsewhere.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for member in tar:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise _foreign(archive, member, "would be written outside of its folder")
            path = target / name
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                raise _foreign(archive, member, "is neither a file nor a folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as out:
                shutil.copyfileobj(content, out)
            path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _foreign(archive: Path, member: tarfile.TarInfo, what: str) -> Permanent:
    return Permanent(f"{archive.name}: its member {member.name!r} {what}", remedy="report it")
