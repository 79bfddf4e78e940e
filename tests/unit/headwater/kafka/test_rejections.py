"""What librdkafka says in the background, in its own words: what ends a role, and what it sits out."""

from __future__ import annotations

import pytest
import structlog
from confluent_kafka import KafkaError
from structlog.testing import LogCapture

import headwater.kafka.rejections
from headwater.errors import Fatal
from headwater.kafka.rejections import ErrorCallback, rejection
from headwater.settings import KafkaSettings

AT = "sasl_ssl://kafka-1.example:9093/bootstrap: "
SETTINGS = KafkaSettings(
    bootstrap_servers="kafka-1.example:9093",
    security_protocol="SASL_SSL",
    sasl_mechanism="PLAIN",
    sasl_username="headwater",
    sasl_password="topsecret",  # type: ignore[arg-type]
)


def error(code: int, words: str) -> KafkaError:
    return KafkaError(code, f"{AT}{words} (after 305ms in state AUTH_REQ, 3 identical error(s) suppressed)")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            error(
                KafkaError._AUTHENTICATION,
                "SASL authentication error: Authentication failed: Invalid username or password",
            ),
            "HEADWATER_KAFKA__SASL_PASSWORD",
        ),
        (
            error(
                KafkaError._AUTHENTICATION,
                "SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism: "
                "broker's supported mechanisms: SCRAM-SHA-512,SCRAM-SHA-256",
            ),
            "HEADWATER_KAFKA__SASL_MECHANISM",
        ),
        (
            error(
                KafkaError._AUTHENTICATION,
                "SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: "
                "broker's supported mechanisms: ",
            ),
            "HEADWATER_KAFKA__SECURITY_PROTOCOL",
        ),
        (
            error(
                KafkaError._SSL,
                "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker "
                "certificate could not be verified, verify that ssl.ca.location is correctly configured",
            ),
            "HEADWATER_KAFKA__SSL_CA_LOCATION",
        ),
        (
            error(KafkaError._TRANSPORT, "error:0A000086:SSL routines::certificate verify failed"),
            "HEADWATER_KAFKA__SSL_CA_LOCATION",
        ),
        *(
            (
                error(
                    KafkaError._TRANSPORT,
                    f"Receive failed: error:0A000412:SSL routines::{alert}: SSL alert number {number}",
                ),
                "HEADWATER_KAFKA__SSL_CERTIFICATE_LOCATION",
            )
            for alert, number in (
                ("ssl/tls alert bad certificate", 42),
                ("sslv3 alert certificate expired", 45),
                ("tlsv1 alert unknown ca", 48),
                ("tlsv13 alert certificate required", 116),
            )
        ),
    ],
)
def test_a_broker_that_turns_us_away_ends_it_with_the_setting_to_change(
    error: KafkaError, remedy: str
) -> None:
    with pytest.raises(Fatal) as raised:
        ErrorCallback(SETTINGS)(error)
    assert remedy in raised.value.remedy
    assert "kafka-1.example:9093" in raised.value.message
    assert "topsecret" not in str(raised.value)
    assert "305ms" not in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        error(KafkaError._TRANSPORT, "Connect to ipv4#10.0.0.1:9093 failed: Connection refused"),
        error(KafkaError._RESOLVE, "Failed to resolve 'kafka-1.example:9093': Name or service not known"),
        # Gone in the middle of a login, which librdkafka calls an authentication error too.
        error(
            KafkaError._AUTHENTICATION,
            "SASL PLAIN mechanism handshake failed: Local: Broker transport failure: broker's supported "
            "mechanisms: (n/a)",
        ),
        error(
            KafkaError._TRANSPORT,
            "SASL authentication error: SaslAuthenticateRequest failed: Local: Broker transport failure",
        ),
        error(
            KafkaError._TRANSPORT,
            "SSL handshake failed: Disconnected: SSL connection closed by peer: connecting to a PLAINTEXT "
            "broker listener?",
        ),
        error(
            KafkaError._SSL,
            "Receive failed: error:0A000438:SSL routines::tlsv1 alert internal error: SSL alert number 80",
        ),
        KafkaError(KafkaError._ALL_BROKERS_DOWN, "3/3 brokers are down"),
    ],
)
def test_a_broker_that_is_away_is_waited_for(error: KafkaError) -> None:
    assert rejection(error, SETTINGS) is None


def test_what_lasts_is_said_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    capture, now = LogCapture(), 0.0
    every_level = structlog.make_filtering_bound_logger(0)
    logger = structlog.wrap_logger(None, processors=[capture], wrapper_class=every_level)
    monkeypatch.setattr(headwater.kafka.rejections, "_log", logger)
    callback = ErrorCallback(SETTINGS, lambda: now)
    for _ in range(600):
        callback(error(KafkaError._TRANSPORT, "Connection refused"))
        callback(KafkaError(KafkaError._ALL_BROKERS_DOWN, "3/3 brokers are down"))
        now += 0.05
    refused = [each for each in capture.entries if "Connection refused" in each["error"]]
    assert [len(refused), len(capture.entries)] == [3, 6]
    assert {each["log_level"] for each in capture.entries} == {"warning"}
