"""What a child is given, and how its log stays within bounds."""

from __future__ import annotations

from pathlib import Path

from sandbox.supervisor.process import Command, bound_log, environment, last_lines, plain_words


def test_a_role_gets_its_own_settings_and_not_those_of_the_shell(tmp_path: Path) -> None:
    base = {"PATH": "/bin", "HEADWATER_CHAIN__NAME": "shell", "HEADWATER_LOG_LEVEL": "DEBUG"}
    own = Command("sink", ("x",), tmp_path / "log", {"HEADWATER_CHAIN__NAME": "mine"}, own_settings=True)
    assert environment(own, base) == {"PATH": "/bin", "HEADWATER_CHAIN__NAME": "mine"}
    plain = Command("kafka", ("x",), tmp_path / "log", {"A": "1"})
    assert environment(plain, base) == {**base, "A": "1"}


def test_a_log_is_cut_to_its_end_and_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "sink.log"
    with path.open("ab") as writer:
        writer.write(b"old\n" * 1000)
        writer.flush()
        bound_log(path, limit=1000, kept=40)
        assert path.read_bytes() == b""
        assert (tmp_path / "sink.log.1").read_bytes() == b"old\n" * 10
        writer.write(b"new\n")
    assert path.read_bytes() == b"new\n"
    bound_log(path, limit=1000, kept=40)
    assert path.read_bytes() == b"new\n"


def test_the_last_lines_leave_out_empty_ones(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert last_lines(path, 2) == []
    path.write_bytes(b"first\nsecond \xff\n\n" + b"x" * 400 + b"\n\n")
    assert last_lines(path, 2, width=5) == ["secon", "xxxxx"]


def test_a_reason_is_said_in_words() -> None:
    assert plain_words("headwater: no topic; apply") == "headwater: no topic; apply"
    assert plain_words('{"event": "worker failed", "error": "gap", "level": "error"}') == "worker failed: gap"
    assert plain_words('{"level": "error"}') == '{"level": "error"}'
    assert plain_words("17") == "17"
