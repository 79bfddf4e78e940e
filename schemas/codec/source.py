"""Python source under construction: lines at an indentation, and the objects that it refers to by name."""

from __future__ import annotations

import linecache
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

_serial = count(1)


class Source:
    """Lines of one generated module. `constant` gives an object a name in it."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._indent = 0
        self._names = 0
        self.namespace: dict[str, object] = {}

    def line(self, text: str) -> None:
        self._lines.append("    " * self._indent + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.line(head)
        self._indent += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self.line("pass")  # nothing to do for a value without bytes
        self._indent -= 1

    def fresh(self, stem: str) -> str:
        """A name that is used nowhere else in the module."""
        self._names += 1
        return f"{stem}{self._names}"

    def constant(self, stem: str, value: object) -> str:
        name = self.fresh(stem.upper())
        self.namespace[name] = value
        return name

    def compile(self, title: str) -> dict[str, Any]:
        """Runs the module and returns its namespace. Tracebacks show its lines."""
        text = "\n".join(self._lines) + "\n"
        filename = f"<headwater codec {next(_serial)}: {title}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        exec(compile(text, filename, "exec"), self.namespace)
        return self.namespace
