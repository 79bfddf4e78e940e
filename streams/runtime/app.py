"""Makes the Faust application of one group of one chain, with the settings that were found to matter."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import faust
from faust.types.auth import SASLMechanism
from filelock import FileLock, Timeout
from mode.supervisors import CrashingSupervisor

from headwater.errors import Fatal
from headwater.kafka import MAX_MESSAGE_BYTES
from headwater.settings import Settings
from streams.runtime.consumer import PromptTableManager, PromptTransport
from streams.runtime.table_writes import request_seconds
from topics.catalog import app_id

_SLOTS: Final = 64


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a group that belongs to one process of this machine while it lives.

    `directory` is its data directory. `instance_id` is its static membership: a process that died is
    replaced at once by its successor in the slot, instead of after the session time-out.
    """

    directory: Path
    instance_id: str
    lock: FileLock


def take_slot(settings: Settings, group: str) -> Slot:
    """The first free place of a group under the data directory; the system frees it when we die.

    A paused process keeps its place, so nobody is mistaken for it. Raises Fatal when all are taken.
    """
    name = app_id(settings, group)
    root = (settings.data_dir / "work" / name).absolute()
    origin = hashlib.blake2b(str(root).encode(), digest_size=4).hexdigest()
    for number in range(_SLOTS):
        directory = root / str(number)
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        return Slot(directory, f"{name}-{socket.gethostname()}-{origin}-{number}", lock)
    raise Fatal(f"{_SLOTS} workers of {name} run on this machine", remedy="stop some of them")


def create_app(settings: Settings, group: str, slot: Slot) -> faust.App:
    """The application: its id is the consumer group. Creates no topics: the catalogue owns them all."""
    session = settings.kafka.session_timeout_ms / 1000
    app = faust.App(
        app_id(settings, group),
        broker=[f"kafka://{server.strip()}" for server in settings.kafka.bootstrap_servers.split(",")],
        broker_credentials=_credentials(settings),
        broker_client_id=settings.client_id,
        consumer_group_instance_id=slot.instance_id,
        datadir=str(slot.directory),
        store="memory://",
        autodiscover=False,
        key_serializer="raw",
        value_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=1,
        topic_replication_factor=settings.kafka.replication,
        table_standby_replicas=0,
        broker_max_poll_records=16,
        stream_buffer_maxsize=16,
        consumer_max_fetch_size=MAX_MESSAGE_BYTES,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
        broker_session_timeout=session,
        broker_heartbeat_interval=min(3.0, session / 3),
        broker_rebalance_timeout=session,
        broker_request_timeout=request_seconds(settings),
        # Faust's is 20 minutes, which one request that is never answered would take.
        producer_request_timeout=request_seconds(settings),
        producer_compression_type="lz4",
        producer_linger=0.0,
        producer_max_batch_size=262_144,
        producer_max_request_size=MAX_MESSAGE_BYTES,
        stream_wait_empty=False,
        agent_supervisor=CrashingSupervisor,
        TableManager=PromptTableManager,
        web_enabled=False,
        web_tables_enabled=False,
        web_host="127.0.0.1",
    )
    app.transport = PromptTransport(app.conf.broker_consumer, app)
    return app


def _credentials(settings: Settings) -> faust.SASLCredentials | faust.SSLCredentials | None:
    security = settings.kafka
    context = None
    if security.security_protocol in ("SSL", "SASL_SSL"):
        context = ssl.create_default_context(
            cafile=None if security.ssl_ca_location is None else str(security.ssl_ca_location)
        )
        if security.ssl_certificate_location is not None:
            password = security.ssl_key_password
            context.load_cert_chain(
                str(security.ssl_certificate_location),
                None if security.ssl_key_location is None else str(security.ssl_key_location),
                None if password is None else password.get_secret_value(),
            )
    if security.security_protocol.startswith("SASL"):
        secret = security.sasl_password
        return faust.SASLCredentials(
            username=security.sasl_username,
            password=None if secret is None else secret.get_secret_value(),
            mechanism=SASLMechanism(security.sasl_mechanism),
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context is not None else None
