"""What a process does with memory that it needs again at once: for megabytes of messages, one after another.

glibc's malloc gives what was freed back to the kernel where it is large, or lies at the end of an arena, and
the kernel hands it out again page by page, each one zeroed first. A block's answers are copied into a
message and from there to Kafka, so that was 0.7 page faults for each of its records.
"""

from __future__ import annotations

import ctypes
from typing import Final

# mallopt(3); its numbers are part of glibc's interface.
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3

LARGEST: Final = 32 * 1024 * 1024
"""Bytes up to which memory is kept: the largest message, and the most that glibc allows to be said."""
KEPT: Final = 64 * 1024 * 1024
"""Bytes that may lie unused at the end of an arena; a thread has one, or shares one with others."""


def keep_freed() -> bool:
    """Have freed memory stay with this process; False where the C library cannot be told (musl, macOS).

    Call it before there are threads. Larger pieces than `LARGEST` go back at once, as ever.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(_TRIM_THRESHOLD, KEPT))
