"""A real broker that knows its clients, on a listener for each protocol."""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from sandbox.services import kafka
from sandbox.services.ports import Ports
from sandbox.services.probes import answers_tcp
from sandbox.stack.services import Programs
from sandbox.supervisor.process import Child
from tests.builders.certificates import Certificates

USER, PASSWORD = "headwater", "a secret; with spaces"
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
MECHANISMS = ("PLAIN", *SCRAM)
START_SECONDS = 60.0
_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True)
class Listeners:
    """Ports on loopback: SASL_SSL, SASL_PLAINTEXT, SSL that asks for a certificate, PLAINTEXT.

    Two send clients astray: `misnamed` (SSL) to a name that the certificate does not carry, `lost`
    (PLAINTEXT) to a port where nobody is.
    """

    login: int
    clear: int
    mutual: int
    plain: int
    misnamed: int
    lost: int


def start(directory: Path, programs: Programs, ports: Ports, files: Certificates) -> tuple[Child, Listeners]:
    """A formatted, running broker that answers on every listener; its end is the caller's."""
    listeners = Listeners(*(ports.take(f"secured-{each.name}") for each in fields(Listeners)))
    broker = kafka.Broker(1, listeners.plain, ports.take("secured-controller"), directory / "kafka")
    config = kafka.write_config(broker, (broker,))
    values = kafka.properties(broker, (broker,)) | _security(broker, listeners, files)
    values["advertised.listeners"] += f",LOST://127.0.0.1:{ports.take('secured-nowhere')}"
    config.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    log = directory / "kafka.log"
    java, jars = programs.java["kafka"], programs.kafka
    formatting = kafka.format_command(broker, kafka.cluster_id(directory), java, jars, config, log)
    users = [f"--add-scram={each}=[name={USER},password={PASSWORD}]" for each in SCRAM]
    preparing = Child(replace(formatting, argv=(*formatting.argv, *users)))
    try:
        assert preparing.wait(START_SECONDS), log.read_text()
    except BaseException:
        preparing.kill()
        raise
    assert preparing.exit_code() == 0, log.read_text()
    child = Child(kafka.command(broker, java, jars, config, log))
    try:
        deadline = time.monotonic() + START_SECONDS
        while not all(map(answers_tcp, astuple(listeners))):
            assert child.exit_code() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    except BaseException:
        child.kill()
        raise
    return child, listeners


def _security(broker: kafka.Broker, listeners: Listeners, files: Certificates) -> dict[str, str]:
    at = {
        "LOGIN": listeners.login,
        "CLEAR": listeners.clear,
        "MUTUAL": listeners.mutual,
        "PLAINTEXT": listeners.plain,
        "MISNAMED": listeners.misnamed,
    }
    clients = ",".join(f"{name}://127.0.0.1:{port}" for name, port in at.items())
    settings = {
        "listeners": f"{clients},LOST://127.0.0.1:{listeners.lost},"
        f"CONTROLLER://127.0.0.1:{broker.controller_port}",
        "advertised.listeners": clients.replace("MISNAMED://127.0.0.1", "MISNAMED://localhost"),
        "listener.security.protocol.map": "LOGIN:SASL_SSL,CLEAR:SASL_PLAINTEXT,MUTUAL:SSL,MISNAMED:SSL,"
        "PLAINTEXT:PLAINTEXT,LOST:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "listener.name.mutual.ssl.client.auth": "required",
    }
    for name in ("login", "clear"):
        prefix = f"listener.name.{name}"
        settings[f"{prefix}.sasl.enabled.mechanisms"] = ",".join(MECHANISMS)
        settings[f"{prefix}.plain.sasl.jaas.config"] = (
            f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        )
        for mechanism in SCRAM:
            settings[f"{prefix}.{mechanism.lower()}.sasl.jaas.config"] = (
                f"{_MODULES}.scram.ScramLoginModule required;"
            )
    for name in ("login", "mutual", "misnamed"):
        for store, path in (("keystore", files.server), ("truststore", files.ca)):
            settings[f"listener.name.{name}.ssl.{store}.type"] = "PEM"
            settings[f"listener.name.{name}.ssl.{store}.location"] = str(path)
    return settings
