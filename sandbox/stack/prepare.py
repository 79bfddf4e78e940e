"""What must be in place before the roles: topics, schemas, tables. Each step runs in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

from headwater.errors import Fatal, Transient
from headwater.settings import Settings

PATIENCE_SECONDS: Final = 120.0
"""How long a step may fail: longer than any of the services takes to come back from a kill."""


class Step:
    """A step that runs once, beside the others; a Transient failure is tried again when `poll` says so.

    `problem` is why the last attempt failed, empty when it did not; `after` are steps that come before it.
    """

    def __init__(
        self,
        name: str,
        gate: str,
        needs: tuple[str, ...],
        work: Callable[[], None],
        *,
        after: Sequence[Step] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.gate, self.needs, self.after = name, gate, needs, after
        self.done = False
        self.problem = ""
        self._clock = clock
        self._failing_since: float | None = None
        self._work = work
        self._attempt: Future[None] | None = None

    def poll(self) -> bool:
        """Start it when it does not run; True once, when it has succeeded.

        Raises what the step raised unless that was Transient, Fatal once it has been so for too long.
        """
        if self.done:
            return False
        if self._attempt is None:
            self._attempt = Future()
            threading.Thread(
                target=_carry_out, args=(self._work, self._attempt), name=self.name, daemon=True
            ).start()
        if not self._attempt.done():
            return False
        error = self._attempt.exception()
        self._attempt = None
        if error is None:
            self.done, self.problem = True, ""
            return True
        if not isinstance(error, Transient):
            raise error
        self.problem = str(error)
        self._failing_since = self._clock() if self._failing_since is None else self._failing_since
        if self._clock() - self._failing_since > PATIENCE_SECONDS:
            raise Fatal(
                f"{self.name} could not be prepared for {PATIENCE_SECONDS:g} s: {error.message}",
                remedy=error.remedy or f"see the log of {' and '.join(self.needs)} in the data directory",
            ) from error
        return False


def _carry_out(work: Callable[[], None], attempt: Future[None]) -> None:
    """Run the work; the attempt takes its outcome to the thread that polls."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - raised by the thread that polls
        attempt.set_exception(error)
    else:
        attempt.set_result(None)


def apply_topics(settings: Settings) -> None:
    """Create and alter the chain's topics."""
    from topics.admin import apply

    apply(settings)


def register_schemas(settings: Settings, port: int) -> None:
    """Set the compatibility rule, then register every subject's schema."""
    from sandbox.services.registry import require_compatibility
    from schemas.registry import register_all

    require_compatibility(port)
    register_all(settings)


def migrate_tables(settings: Settings, chain_id: int) -> None:
    """Bring tables and views up to date. Raises Transient while ClickHouse does not answer."""
    from connectors.clickhouse.client import answering, connect
    from connectors.clickhouse.migrations.runner import migrate

    with answering(settings.clickhouse):
        client = connect(settings.clickhouse, database="")
        try:
            migrate(client, settings, chain_id)
        finally:
            client.close()
