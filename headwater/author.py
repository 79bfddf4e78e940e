"""Who it is that runs a command, for records that say who wrote them."""

from __future__ import annotations

import getpass
import socket


def author() -> str:
    """The user and the machine: `ann@desk`."""
    return f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry for this user id, as in a container
        return "unknown"
