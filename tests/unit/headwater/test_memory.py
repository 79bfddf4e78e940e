"""Memory that was freed is used again without asking the kernel for it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from headwater.memory import keep_freed

MESSAGE = 2 << 20
ROUNDS = 64
# A thread as the log's: what it allocates lies in an arena of its own.
PROGRAM = f"""
import resource, sys, threading
from headwater.memory import keep_freed

if sys.argv[1] == "keep":
    assert keep_freed()

def messages(count):
    for _ in range(count):
        pieces = [bytes({MESSAGE}) + b"." for _ in range(4)]
        del pieces

def measured():
    messages(2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    messages({ROUNDS})
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

thread = threading.Thread(target=measured)
thread.start()
thread.join()
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")


def _faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@glibc
def test_messages_of_megabytes_are_no_new_pages() -> None:
    pages = ROUNDS * 4 * MESSAGE // 4096
    kept, left = _faults("keep"), _faults("leave")
    assert kept < pages // 100, f"{kept} page faults, {left} without it"


def test_a_c_library_without_mallopt_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.memory.ctypes.CDLL", lambda name: object())
    assert not keep_freed()
