"""Apicurio Registry: Confluent's schema registry API over an H2 file."""

from __future__ import annotations

from pathlib import Path

from headwater.errors import Transient
from sandbox.services.java import Java
from sandbox.services.probes import http_get, http_send
from sandbox.supervisor.process import Command

API = "/apis/ccompat/v7"
COMPATIBILITY = "BACKWARD_TRANSITIVE"


def url(port: int) -> str:
    """Where clients of Confluent's registry API go."""
    return f"http://127.0.0.1:{port}{API}"


def command(home: Path, java: Java, directory: Path, port: int, log: Path) -> Command:
    """How to run it. Schemas stay in `directory`; each registration is on disk before its answer."""
    directory.mkdir(parents=True, exist_ok=True)
    database = f"jdbc:h2:file:{directory}/registry;WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE"
    (jar,) = home.glob("*-runner.jar")
    return Command(
        name="registry",
        argv=(
            java.program,
            *java.options,
            "-Xms48m",
            "-Xmx192m",
            "-Xss512k",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:ReservedCodeCacheSize=48m",
            "-XX:-UsePerfData",
            f"-XX:ErrorFile={directory}/hs_err.log",
            "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
            "-jar",
            str(jar),
        ),
        log=log,
        cwd=directory,
        env={
            "REGISTRY_DATASOURCE_URL": database,
            "QUARKUS_HTTP_HOST": "127.0.0.1",
            "QUARKUS_HTTP_PORT": str(port),
            "QUARKUS_LOG_LEVEL": "WARN",
            "LOG_LEVEL": "WARN",
            "REGISTRY_LOG_LEVEL": "WARN",
            "QUARKUS_BANNER_ENABLED": "false",
        },
    )


def is_ready(port: int) -> bool:
    """Does it answer about subjects? (Its health endpoint says yes before its storage is there.)"""
    return http_get(port, f"{API}/subjects")[0] == 200


def require_compatibility(port: int) -> None:
    """Have every subject's new versions readable by all readers of old ones unless set otherwise.

    Raises Transient when the registry does not take it.
    """
    status, answer = http_send(port, "PUT", f"{API}/config", {"compatibility": COMPATIBILITY})
    if status != 200:
        raise Transient(f"the schema registry refused the rule {COMPATIBILITY}: {status} {answer[:200]!r}")
