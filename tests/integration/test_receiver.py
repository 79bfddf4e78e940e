"""The local stack's receiver as a process: it takes what is signed, refuses what is not, and says so."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from connectors.delivery.channels.channel import Services
from connectors.delivery.channels.http import Http
from connectors.delivery.channels.webhook import WebhookSettings
from connectors.delivery.queue.attempt import Answer
from connectors.delivery.queue.notification import Notification
from headwater.settings import DeliverySettings
from sandbox.services.ports import Ports
from sandbox.services.probes import http_get
from sandbox.stack.receiving import SECRET_VARIABLE, URL_VARIABLE, LocalReceiver, kept_secret
from tests.builders.deliveries import pending
from tests.integration.command_process import end
from tests.integration.waiting import until

pytestmark = pytest.mark.integration
OTHER = "whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


ONE = Notification((pending(1, 10),))
TOGETHER = Notification((pending(1, 11, "RETRACTED"), pending(2, 12)), grouped=True)


@pytest.fixture
def receiver(ports: Ports, tmp_path: Path) -> Iterator[LocalReceiver]:
    made = LocalReceiver(ports.take(f"receiver-{tmp_path.name}"), kept_secret(tmp_path / "secret"))
    command = made.part(tmp_path).command()
    with command.log.open("wb") as log:
        process = subprocess.Popen(
            command.argv, env={**command.env, "PYTHONPATH": ":".join(sys.path)}, stdout=log, stderr=log
        )
    try:
        until(lambda: http_get(made.port, "/")[0] == 200, "it serves")
        yield made
    finally:
        end(process, 10)


def send(receiver: LocalReceiver, secret: str, notification: Notification = ONE) -> Answer:
    async def sent() -> Answer:
        http = Http(DeliverySettings(allow_private=True))
        try:
            variables = {**receiver.variables, SECRET_VARIABLE: secret}
            channel = WebhookSettings(url_env=URL_VARIABLE, secret_env=SECRET_VARIABLE)
            return (await channel.make(Services(http, variables)).send(notification)).answer
        finally:
            await http.close()

    return asyncio.run(sent())


def test_it_takes_what_is_signed_and_tells_what_came(receiver: LocalReceiver, tmp_path: Path) -> None:
    assert send(receiver, receiver.secret) is Answer.TAKEN
    assert send(receiver, OTHER) is Answer.FAILED
    told = orjson.loads(http_get(receiver.port, "/")[1])
    assert (told["arrivals"], told["bad_signatures"], told["violations"]) == (1, 1, [])
    assert (told["last"][0]["channel"], told["last"][0]["version"]) == ("local", 10)
    assert "HIGH PROVISIONAL a large transfer" in (tmp_path / "receiver.log").read_text()
    for _ in range(2):
        assert send(receiver, receiver.secret, TOGETHER) is Answer.TAKEN
    told = orjson.loads(http_get(receiver.port, "/")[1])
    assert (told["arrivals"], told["deliveries"], told["violations"]) == (5, 3, [])
    assert "HIGH RETRACTED a large transfer" in (tmp_path / "receiver.log").read_text()
