"""The delivery of alerts as a process: from settings until it is asked to stop."""

from __future__ import annotations

import threading
from typing import Final

from connectors.delivery.dispatcher import Dispatcher
from connectors.delivery.router import Router
from connectors.delivery.sender import LoopSender
from connectors.delivery.topic.channels import ChannelTopic
from connectors.delivery.topic.ledger import KafkaLedger
from headwater.errors import Fatal, Transient
from headwater.health import HEALTH
from headwater.heartbeat import Loop
from headwater.logging import get_logger
from headwater.retry import Retry, Stopped
from headwater.settings import Settings
from schemas.registry import Registry

DRAIN_SECONDS: Final = 5.0
LEAVE_SECONDS: Final = 3.0
_TURN_SECONDS: Final = 0.05
_log = get_logger("connectors.delivery")


def run_deliver(settings: Settings, stop: threading.Event) -> None:
    """Deliver alerts until `stop` is set. Raises Fatal."""
    for part in ("ledger", "alerts", "channels"):
        HEALTH.report(part, False, "not connected yet")
    retry = Retry(stop=stop, on_failure=_waits, on_recovery=lambda: HEALTH.report("kafka", True))
    with HEALTH.beats.loop(Loop.LEDGER):
        try:
            process = retry(lambda: _Process(settings, stop))
        except Stopped:
            return
        process.run(retry)


class _Process:
    """All parts of one life. Raises Transient or Fatal when Kafka or the registry cannot be reached."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._stop = stop
        # Set too when one half fails: the other one must not go on alone.
        self._ending = threading.Event()
        registry = Registry(settings)
        self._router = Router(settings, registry, self._ending)
        self._ledger = KafkaLedger(settings, Registry(settings), stop)
        self._channels = ChannelTopic(settings, Registry(settings))
        self._sender = LoopSender(settings.delivery)
        self._dispatcher = Dispatcher(settings, self._ledger, self._channels, self._sender)
        self._failure: BaseException | None = None

    def run(self, retry: Retry) -> None:
        thread = threading.Thread(target=self._route, name="router", daemon=True)
        thread.start()
        try:
            while not self._stop.is_set() and not self._ending.is_set():
                retry(lambda: self._dispatcher.turn(_TURN_SECONDS))
            self._ending.set()
            self._dispatcher.drain(DRAIN_SECONDS)
        except Stopped:
            _log.info("stopped while Kafka did not answer: nothing is lost")
        finally:
            self._ending.set()
            self._sender.close()
            thread.join(LEAVE_SECONDS)
            self._channels.close()
            # Leaving asks the broker, and a broker that is away must not keep the process.
            leaving = threading.Thread(target=self._ledger.close, name="ledger-leave", daemon=True)
            leaving.start()
            leaving.join(LEAVE_SECONDS)
        if self._failure is not None:
            raise self._failure

    def _route(self) -> None:
        try:
            with HEALTH.beats.loop(Loop.ALERTS):
                self._router.run()
        except Fatal as error:
            self._failure = error
        except Exception as error:  # noqa: BLE001 - told by the main thread, which ends for it
            self._failure = error
        finally:
            self._ending.set()


def _waits(error: Transient, seconds: float) -> None:
    _log.warning("retrying", seconds=round(seconds, 2), error=str(error))
    HEALTH.report("kafka", False, str(error))
