"""Asking the brokers, and what to say when none answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from headwater.errors import Transient
from headwater.kafka.clients import admin
from headwater.kafka.rejections import plain_words
from headwater.settings import Settings

# When to look whether the brokers reject us: after a login nearby, and after one far off.
_LOOK_SECONDS: Final = (0.5, 1.5)
_STEP_SECONDS: Final = 0.1
_SILENCE: Final = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN)
T = TypeVar("T")


def ask(client: AdminClient | Consumer | Producer, call: Callable[[float], T], *, timeout: float) -> T:
    """What a call of the client's answers, a call that takes a time-out in seconds.

    Raises KafkaException as the call does, Fatal when the brokers reject us meanwhile: librdkafka
    serves no callback while it waits for an answer, so the call is broken off now and then to hear of it.
    A consumer may have nothing assigned.
    """
    for seconds in _LOOK_SECONDS:
        if seconds >= timeout:
            break
        try:
            return call(seconds)
        except KafkaException as error:
            client.poll(0)
            if error.args[0].code() not in _SILENCE:
                raise
        timeout -= seconds
    try:
        return call(timeout)
    except KafkaException:
        client.poll(0)
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
