"""Where the compiler is not there, and what is read of its answer."""

from __future__ import annotations

import platform
import sys

import pytest

from headwater.errors import Fatal
from streams.logic.alerts.cel import ScalarType, Type
from streams.logic.alerts.cel.compiler import check, environment
from streams.logic.alerts.cel.patterns import matcher
from streams.logic.alerts.cel.wire import Message


def test_a_platform_without_the_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    environment.cache_clear()
    with pytest.raises(Fatal, match="cel-expr-python") as caught:
        check("a > 1", {"a": Type(ScalarType.INT)})
    assert platform.machine() in caught.value.message
    assert "wheels" in caught.value.remedy


def test_without_re2_the_condition_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(Fatal, match="google-re2"):
        matcher("a", 10)


def test_the_wire_format() -> None:
    message = Message(bytes.fromhex("0896011202686912026a6b10ffffffffffffffffff013d00000000"))
    assert message.number(1) == 150
    assert message.signed(2) == -1
    assert message.number(9) == 0
    assert 7 in message
    with pytest.raises(ValueError, match="field 1"):
        message.raw(1)
    with pytest.raises(ValueError, match="ends after"):
        Message(b"\x0a\x05ab")
