"""What librdkafka reports in the background: which of it is the end, and which setting puts that right.

librdkafka itself never gives up: to it a wrong password is one more reason to connect again. The reasons
differ in their words only; tests/integration/test_secured_kafka.py holds them against a real broker.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from confluent_kafka import KafkaError

from headwater.errors import Fatal
from headwater.logging import get_logger
from headwater.settings import KafkaSettings

# A broker that is away is tried several times a second; a person needs to know only now and then.
_AGAIN_SECONDS: Final = 10.0


class _Rejection(NamedTuple):
    """Words of librdkafka's, after the error's name, and what they mean to the reader of a log."""

    words: re.Pattern[str]
    meaning: str
    remedy: str


_REJECTIONS: Final = (
    _Rejection(
        # A broker answered, so that it is not merely away: a connection lost during a login reads otherwise.
        re.compile(r"^_AUTHENTICATION .*SASL authentication error: (.*)"),
        "{broker} refuses user {settings.sasl_username}: {reason}",
        "correct HEADWATER_KAFKA__SASL_USERNAME, HEADWATER_KAFKA__SASL_PASSWORD or "
        "HEADWATER_KAFKA__SASL_MECHANISM",
    ),
    _Rejection(
        re.compile(r"mechanism handshake failed: Broker: Unsupported SASL mechanism: (.*)"),
        "{broker} does not take SASL mechanism {settings.sasl_mechanism}: {reason}",
        "set HEADWATER_KAFKA__SASL_MECHANISM to one that it supports",
    ),
    _Rejection(
        re.compile(r"mechanism handshake failed: Broker: (.*)"),
        "{broker} does not expect a SASL login there: {reason}",
        "correct HEADWATER_KAFKA__SECURITY_PROTOCOL or the port in HEADWATER_KAFKA__BOOTSTRAP_SERVERS",
    ),
    _Rejection(
        re.compile(r"(certificate verify failed)"),
        "{broker}: its certificate is not trusted: {reason}",
        "set HEADWATER_KAFKA__SSL_CA_LOCATION to the CA that signed it, or call the broker by a "
        "name that it carries, in HEADWATER_KAFKA__BOOTSTRAP_SERVERS and in its advertised.listeners",
    ),
    _Rejection(
        # TLS alerts about a certificate (RFC 8446, 6.2), ours being the only one that a broker looks at.
        re.compile(r"(alert [a-z ]+): SSL alert number (?:4[2-689]|116)\b"),
        "{broker} refuses our client certificate: {reason}",
        "set HEADWATER_KAFKA__SSL_CERTIFICATE_LOCATION and HEADWATER_KAFKA__SSL_KEY_LOCATION to "
        "one that it trusts",
    ),
)
_BROKER: Final = re.compile(r"^(?:[a-z_]+://)?(?:[^/ ]*@)?([^/ @]+:\d+)/")
# How long it took, and how often it was left out: different each time.
_CHANGING: Final = re.compile(r" \(after \d+ms in state .*\)$")
_log = get_logger("headwater.kafka")


class ErrorCallback:
    """The `error_cb` of one client: raises Fatal when a broker rejected us, else logs a warning.

    What it raises comes out of the `poll`, `consume` or `flush` that served it.
    """

    def __init__(self, settings: KafkaSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._logged: dict[str, float] = {}

    def __call__(self, error: KafkaError) -> None:
        rejected = rejection(error, self._settings)
        if rejected is not None:
            raise rejected
        now, words = self._clock(), plain_words(error)
        self._logged = {each: when for each, when in self._logged.items() if now - when < _AGAIN_SECONDS}
        if words not in self._logged:
            self._logged[words] = now
            _log.warning("kafka", error=words, fatal=error.fatal(), retriable=error.retriable())


def plain_words(error: KafkaError) -> str:
    """What an error says, the same each time that it happens again."""
    return _CHANGING.sub("", error.str() or error.name())


def rejection(error: KafkaError, settings: KafkaSettings) -> Fatal | None:
    """The error as a Fatal with its remedy when a broker rejected us, None when waiting may cure it."""
    text = plain_words(error)
    named = _BROKER.match(text)
    broker = f"Kafka {named[1] if named else settings.bootstrap_servers}"
    for words, meaning, remedy in _REJECTIONS:
        if found := words.search(f"{error.name()} {text}"):
            return Fatal(meaning.format(broker=broker, settings=settings, reason=found[1]), remedy=remedy)
    return None
