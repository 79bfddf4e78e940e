"""A minimal Debian root: made by mmdebstrap, told how this host reaches packages, entered as a chroot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES = "python3,python3-venv,python3-pip,make,ca-certificates"
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
# How this host reaches packages. Files are copied where they are, variables handed on.
FILES = (
    *("/etc/hosts", "/etc/resolv.conf", "/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf"),
    *("~/.npmrc", "~/.m2/settings.xml", "/etc/uv/uv.toml", "~/.config/uv/uv.toml"),
)
VARIABLES = re.compile(
    r"(PIP|UV|NPM_CONFIG)_\w+|(HTTPS?|NO|ALL)_PROXY|HEADWATER_MAVEN_REPOSITORY|"
    r"(SSL|REQUESTS|NODE|CURL)_\w*(CERT|CA)\w*",
    re.IGNORECASE,
)

# Of the namespace that ends with it: $0 is the root, $1 the program chroot, $2 a directory inside.
ENTER = """
mount --bind "$0" "$0"  # so that the root is a mount inside, as on any machine
mount -t proc proc "$0/proc"; mount -t sysfs sys "$0/sys"; mount --rbind /dev "$0/dev"
chroot="$1"; shift
exec "$chroot" "$0" /bin/sh -c 'cd "$0" && exec "$@"' "$@"
"""


def build(release: str, root: Path) -> None:
    """Make a root of a Debian release. Raises CalledProcessError; mmdebstrap says why."""
    mirror = debian_mirror()
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", release, str(root)]
    subprocess.run([*command, *([mirror] if mirror else [])], check=True)
    shutil.copyfile(os.environ.get("SSL_CERT_FILE", BUNDLE), root / BUNDLE.relative_to("/"))
    for name in FILES:
        path = Path(name).expanduser()
        if path.is_file():
            inside = root / path.relative_to("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.unlink(missing_ok=True)
            shutil.copyfile(path, inside)


def debian_mirror(sources: Path = Path("/etc/apt")) -> str | None:
    """The mirror that this host's apt uses; None where it says none, and mmdebstrap's own choice serves."""
    for path in sorted([sources / "sources.list", *sources.glob("sources.list.d/debian.*")]):
        if path.is_file():
            found = re.search(r"^(?:URIs:|deb(?: \[.*\])?)\s+(\S+)", path.read_text(), re.MULTILINE)
            if found:
                return found[1]
    return None


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a login has, and what this host needs to reach packages; no path of the host but its CA bundle."""
    found = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(Path.home()), "LANG": "C.UTF-8"}
    for name, value in environ.items():
        if VARIABLES.fullmatch(name):
            if Path(value).is_file():
                found[name] = str(BUNDLE)
            elif not Path(value).exists():
                found[name] = value
    return found


def run(root: Path, directory: str, command: Sequence[str]) -> int:
    """Run a command in the root; its exit code. Mounts and processes end with it, however it ends."""
    entered = [
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"),
        *("/bin/sh", "-euc", ENTER, str(root), str(shutil.which("chroot")), directory, *command),
    ]
    return subprocess.run(entered, env=environment(os.environ), check=False).returncode
