"""Asking the brokers, and what to say when none answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from headwater.errors import Transient
from headwater.kafka.clients import admin
from headwater.kafka.codes import NO_LEADER, SILENT
from headwater.kafka.rejections import plain_words
from headwater.settings import Settings

# When to look whether the brokers reject us: after a login nearby, and after one far off.
_LOOK_SECONDS: Final = (0.5, 1.5)
_STEP_SECONDS: Final = 0.1
T = TypeVar("T")


def ask(
    client: AdminClient | Consumer | Producer,
    call: Callable[[float], T],
    *,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What a call of the client's answers, a call that takes a time-out in seconds.

    One call in slices, all of them within the caller's time-out, and so not a retry: librdkafka serves no
    callback while it waits for an answer, so the call is broken off now and then to hear whether the brokers
    reject us, and a partition that has no leader is asked for again. Raises KafkaException as the call does,
    Fatal when the brokers reject us. A consumer may have nothing assigned.
    """
    end = clock() + timeout
    looks = iter(_LOOK_SECONDS)
    while True:
        left = max(0.0, end - clock())
        seconds = min(left, next(looks, left))
        try:
            return call(seconds)
        except KafkaException as error:
            code = error.args[0].code()
            if code in NO_LEADER and clock() + _STEP_SECONDS < end:
                client.poll(_STEP_SECONDS)
                continue
            client.poll(0)
            if code not in SILENT or seconds >= left:
                raise


def reach(settings: Settings, *, timeout: float) -> None:
    """Ask all brokers for something. Raises Fatal when one rejects us, Transient when none answers.

    `timeout` is seconds for the first answer, and then for all.
    """
    client = admin(settings)
    try:
        ask(client, lambda seconds: client.list_topics(timeout=seconds), timeout=timeout)
    except KafkaException as error:
        raise away(settings, error.args[0]) from error
    # Each is asked by the name that it gives itself: a certificate may fit the bootstrap address only.
    groups = client.list_consumer_groups(request_timeout=timeout)
    while not groups.done():
        client.poll(_STEP_SECONDS)


def away(settings: Settings, reason: KafkaError) -> Transient:
    """What to raise when no broker answers, or none in a language that we speak."""
    return Transient(
        f"Kafka {settings.kafka.bootstrap_servers} does not answer: {plain_words(reason)}",
        remedy="see that it runs; check HEADWATER_KAFKA__BOOTSTRAP_SERVERS and "
        "HEADWATER_KAFKA__SECURITY_PROTOCOL",
    )
