"""A disk that is full, a receiver that takes nothing, and rules."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from headwater.errors import Fatal
from sandbox.receiver.server import answer
from tests.faults.site import Site

APPLIED: Final = Path(__file__).parents[1] / "applied"


@dataclass(frozen=True, slots=True)
class Filled:
    """The disk of ClickHouse is full."""

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        site.disk.fill()
        try:
            yield
        finally:
            site.disk.empty()


@dataclass(frozen=True, slots=True)
class Applied:
    """A rule of `tests/faults/applied` is put in force, and taken out again."""

    rule: str

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        self._command(site, "apply", str(APPLIED / f"{self.rule}.yaml"))
        try:
            yield
        finally:
            self._command(site, "remove", self.rule)

    def _command(self, site: Site, *words: str) -> None:
        done = site.line.command("rules", *words)
        if done.returncode != 0:
            raise Fatal(f"headwater rules {words[0]}: {done.stdout}{done.stderr}", remedy="see the rule")


@dataclass(frozen=True, slots=True)
class Answering:
    """In place of the receiver of alerts somebody answers who takes none: each request with this status."""

    status: int

    @contextmanager
    def on(self, site: Site) -> Iterator[None]:
        status = self.status

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer(self, status)

            def log_message(self, format: str, *args: object) -> None:
                """The table tells what came of it."""

        port = site.vacated("receiver")
        with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
            server.daemon_threads = True
            serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            serving.start()
            try:
                yield
            finally:
                server.shutdown()
                serving.join()
