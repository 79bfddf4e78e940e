"""Closing a connection whose other side may still be sending (RFC 9112, section 9.6)."""

import socket
import time
from typing import Final

_SECONDS: Final = 5.0
_READ_BYTES: Final = 1 << 16


def linger(connection: socket.socket) -> None:
    """Say that nothing more comes, then read what is still sent, for a few seconds at most.

    A socket closed over unread bytes is reset, and the reset takes an answer under way with it: the sender
    of a body that was refused would see a broken pipe and not why.
    """
    until = time.monotonic() + _SECONDS
    try:
        connection.shutdown(socket.SHUT_WR)
        while (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(_READ_BYTES):
                return
    except OSError:
        # The other side went away, or will not end: the caller closes.
        return
