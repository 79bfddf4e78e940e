"""Run before a child's own program: sees to it that the child does not outlive its parent.

Started as `python -I -S launch.py PARENT_PID -- program argument…`, with nothing imported that costs
time. On Linux the kernel kills the child with its parent (PR_SET_PDEATHSIG, which an exec keeps), so the
program simply replaces this process. Elsewhere this process stays as a guard: standard input is a pipe
that only the parent holds open; when it closes, the child's process group is killed.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Exec (Linux) or guard (elsewhere) the program named after `--`."""
    parent = int(sys.argv[1])
    program = sys.argv[3:]
    if os.uname().sysname == "Linux":
        import ctypes

        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            sys.exit(f"prctl failed: {os.strerror(ctypes.get_errno())}")
        if os.getppid() != parent:  # it died before the line above: nobody would ever be told
            sys.exit("the parent is gone")
        os.execvp(program[0], program)
    guard(program)


def guard(program: list[str]) -> None:
    """Run the program, pass SIGTERM and SIGINT on, kill it when standard input closes."""
    import subprocess
    import threading

    with open(os.devnull, "rb") as nothing:
        child = subprocess.Popen(program, stdin=nothing)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))

    def watch() -> None:
        while os.read(0, 1):
            pass
        child.kill()

    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
