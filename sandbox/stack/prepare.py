"""What must be in place before the roles: topics, schemas, tables. Each step runs in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from headwater.errors import Transient
from headwater.settings import Settings


class Step:
    """A step that runs once, beside the others; a Transient failure is tried again when `poll` says so."""

    def __init__(self, name: str, gate: str, needs: tuple[str, ...], work: Callable[[], None]) -> None:
        self.name, self.gate, self.needs = name, gate, needs
        self.done = False
        self.problem = ""
        self._work = work
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def poll(self) -> bool:
        """Start it when it does not run; True once, when it has succeeded.

        Raises what the step raised unless that was Transient.
        """
        if self.done:
            return False
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        if self._thread.is_alive():
            return False
        self._thread = None
        if self._error is None:
            self.done, self.problem = True, ""
            return True
        error, self._error = self._error, None
        if not isinstance(error, Transient):
            raise error
        self.problem = str(error)
        return False

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - carried to the main thread, which raises it
            self._error = error


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
    from connectors.clickhouse.client import connect
    from connectors.clickhouse.migrations.runner import migrate

    migrate(connect(settings.clickhouse, database=""), settings, chain_id)
