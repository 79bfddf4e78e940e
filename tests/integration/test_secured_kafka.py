"""A broker that knows its clients: what works with the right settings, what is said with wrong ones."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewTopic
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from connectors.clickhouse.sink.consumer import GroupConsumer
from headwater import kafka as clients
from headwater.errors import Fatal, Transient
from headwater.settings import Settings, load_settings
from sandbox.node import AdjustableChain, RecordedNode
from sandbox.services.ports import Ports
from sandbox.stack.services import Programs
from schemas import codec_for
from schemas.registry import register_all
from streams.runtime.app import create_app, take_slot
from streams.runtime.kafka_watch import rejected
from tests.builders.certificates import KEY_PASSWORD, Certificates, make
from tests.integration import secured_kafka
from tests.integration.command_process import CommandProcess
from tests.integration.secured_kafka import PASSWORD, USER, Listeners
from tests.integration.tcp_proxy import proxy
from tests.integration.waiting import until
from topics import admin
from topics.catalog import changelog_name, topic_name
from topics.groups import NAMES, group_of

# aiokafka ends its TLS connections without waiting for their transports.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


@pytest.fixture(autouse=True)
def _nothing_left_to_collect() -> Iterator[None]:
    """What aiokafka left open is collected here, where it means nothing, and not in a test that follows."""
    yield
    gc.collect()


Changes = Mapping[str, str | None]
Variables = Callable[..., dict[str, str]]
Start = Callable[..., CommandProcess]
GUESSED = "no secret of ours"
# What a user sets; locations are names of certificates' files, ports names of listeners.
LOGIN: Changes = {
    "bootstrap_servers": "127.0.0.1:{login}",
    "security_protocol": "SASL_SSL",
    "sasl_username": USER,
    "sasl_password": PASSWORD,
    "ssl_ca_location": "ca",
}
WAYS: Mapping[str, Changes] = {
    "PLAIN": {**LOGIN, "sasl_mechanism": "PLAIN"},
    "SCRAM-SHA-256": {**LOGIN, "sasl_mechanism": "SCRAM-SHA-256"},
    "SCRAM-SHA-512": {**LOGIN, "sasl_mechanism": "SCRAM-SHA-512"},
    "without TLS": {
        **LOGIN,
        "bootstrap_servers": "127.0.0.1:{clear}",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "ssl_ca_location": None,
    },
    "certificate": {
        "bootstrap_servers": "127.0.0.1:{mutual}",
        "security_protocol": "SSL",
        "ssl_ca_location": "ca",
        "ssl_certificate_location": "client",
        "ssl_key_location": "locked_key",
        "ssl_key_password": KEY_PASSWORD,
    },
}
LINES: Mapping[str, Mapping[str, str]] = {
    "passwords": {
        "normalize": "SCRAM-SHA-256",
        "enrich": "PLAIN",
        "state": "SCRAM-SHA-512",
        "listen": "PLAIN",
    },
    "certificates": dict.fromkeys((*NAMES, "listen"), "certificate"),
}
NO_CERTIFICATE: Changes = {
    "ssl_certificate_location": None,
    "ssl_key_location": None,
    "ssl_key_password": None,
}
WRONG: Mapping[str, tuple[str, Changes, str]] = {
    "password": ("PLAIN", {"sasl_password": GUESSED}, "SASL_PASSWORD"),
    "user": ("SCRAM-SHA-512", {"sasl_username": "nobody"}, "SASL_USERNAME"),
    "CA": ("SCRAM-SHA-512", {"ssl_ca_location": "stranger"}, "SSL_CA_LOCATION"),
    "host name": ("PLAIN", {"bootstrap_servers": "localhost:{login}"}, "BOOTSTRAP_SERVERS"),
    "advertised name": (
        "certificate",
        {"bootstrap_servers": "127.0.0.1:{misnamed}", **NO_CERTIFICATE},
        "BOOTSTRAP_SERVERS",
    ),
    "no certificate": ("certificate", NO_CERTIFICATE, "SSL_CERTIFICATE_LOCATION"),
    "foreign certificate": (
        "certificate",
        {
            "ssl_certificate_location": "foreign",
            "ssl_key_location": "foreign_key",
            "ssl_key_password": None,
        },
        "SSL_CERTIFICATE_LOCATION",
    ),
    "login to a listener without": (
        "PLAIN",
        {
            "bootstrap_servers": "127.0.0.1:{plain}",
            "security_protocol": "SASL_PLAINTEXT",
            "ssl_ca_location": None,
        },
        "SECURITY_PROTOCOL",
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def listeners(
    tmp_path_factory: pytest.TempPathFactory, programs: Programs, ports: Ports, files: Certificates
) -> Iterator[Listeners]:
    """The ports of the secured broker."""
    child, found = secured_kafka.start(tmp_path_factory.mktemp("secured"), programs, ports, files)
    yield found
    child.kill()


@pytest.fixture
def variables(listeners: Listeners, files: Certificates, topic_prefix: str, tmp_path: Path) -> Variables:
    """What a user has in the environment to connect in one of the ways, with changes."""

    def given(way: str, **changes: str | None) -> dict[str, str]:
        values = {name: text for name, text in {**WAYS[way], **changes}.items() if text is not None}
        for name, text in values.items():
            if name.endswith("_location"):
                values[name] = str(getattr(files, text))
        values["bootstrap_servers"] = values["bootstrap_servers"].format(**asdict(listeners))
        return {
            "HEADWATER_TOPIC_PREFIX": topic_prefix,
            "HEADWATER_DATA_DIR": str(tmp_path / "data"),
            **{f"HEADWATER_KAFKA__{name.upper()}": text for name, text in values.items()},
        }

    return given


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command: `start(variables, "work", "state")`."""
    started: list[CommandProcess] = []

    def launch(variables: dict[str, str], *words: str) -> CommandProcess:
        process = CommandProcess(variables, tmp_path / f"{len(started)}-{words[0]}.log", words)
        started.append(process)
        return process

    yield launch
    for process in started:
        process.end()


@pytest.mark.parametrize("line", ["passwords", pytest.param("certificates", marks=pytest.mark.soak)])
def test_the_line_runs_over_it(line: str, variables: Variables, start: Start, registry_url: str) -> None:
    chain = AdjustableChain.synthetic(6, first=0)
    ways = {role: variables(way) for role, way in LINES[line].items()}
    registry = {"HEADWATER_REGISTRY__URL": registry_url}
    settings = load_settings(environ=ways["listen"] | registry)
    admin.apply(settings)
    register_all(settings)
    with RecordedNode(chain).serve_in_thread() as node:
        words = {group: ("work", group) for group in NAMES}
        words["listen"] = ("listen", "--rpc", node.url, "--start", "earliest")
        roles = [start(ways[role] | registry, *words[role]) for role in ways]
        with _hashes(settings, {"blocks": "block_hash", "transaction-states": "hash"}) as arrived:

            def complete() -> bool:
                for role in roles:
                    assert role.alive, role.logged()
                return arrived() == {"blocks": set(chain.hashes), "transaction-states": _transactions(chain)}

            until(complete, "blocks and states are public")
        for role in roles:
            role.terminate()
        for role in roles:
            assert role.exit_code(20) == 0, role.logged()
    assert _length(settings, changelog_name(settings, group_of("state"))) > 0


@contextmanager
def _hashes(settings: Settings, fields: Mapping[str, str]) -> Iterator[Callable[[], dict[str, set[str]]]]:
    """Calls tell which hashes have come so far, by stream; `fields` says where a stream's record has its."""
    streams = {topic_name(settings, stream): stream for stream in fields}
    found: dict[str, set[str]] = {stream: set() for stream in fields}
    consumer = clients.consumer(settings, f"{settings.topic_prefix}.test")

    def look() -> dict[str, set[str]]:
        for message in consumer.consume(100, 0.1):
            assert message.error() is None, message.error()
            stream = streams[str(message.topic())]
            record: Any = codec_for(stream).read(bytes(message.value() or b""), 5)
            found[stream].add(f"0x{record[fields[stream]].hex()}")
        return found

    consumer.subscribe(list(streams))
    try:
        yield look
    finally:
        consumer.close()


def _transactions(chain: AdjustableChain) -> set[str]:
    blocks = (chain.by_hash(each) for each in chain.hashes)
    parsed = (orjson.loads(each.part("block") or b"") for each in blocks if each is not None)
    return {each["hash"] for block in parsed for each in block["transactions"]}


def _length(settings: Settings, topic: str) -> int:
    """Number of messages in a topic's first partition."""
    reader = clients.reader(settings)
    try:
        low, high = clients.watermarks(reader, topic)
        return high - low
    finally:
        reader.close()


@pytest.mark.parametrize("way", WAYS)
def test_every_client_of_librdkafka_gets_in(way: str, variables: Variables, topic_prefix: str) -> None:
    settings = load_settings(environ=variables(way))
    topic = f"{topic_prefix}.any"
    administrator = clients.admin(settings)  # its futures never end once it is gone
    administrator.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    producer = clients.producer(settings)
    producer.produce(topic, b"idempotent")
    assert producer.flush(20) == 0
    transactional = clients.producer(settings, transactional_id=topic)
    transactional.init_transactions(20)
    transactional.begin_transaction()
    transactional.produce(topic, b"transactional")
    transactional.commit_transaction(20)
    written = [b"idempotent", b"transactional"]
    consumer, reader = clients.consumer(settings, topic), clients.reader(settings)
    try:
        consumer.subscribe([topic])
        assert [each.value() for each in consumer.consume(2, 20)] == written
        consumer.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
        low, high = clients.watermarks(reader, topic)
        assert [each.value() for each in clients.read_range(reader, topic, low, high)] == written
    finally:
        consumer.close()
        reader.close()


@pytest.mark.parametrize("way", WAYS)
async def test_the_client_of_faust_gets_in(way: str, variables: Variables) -> None:
    client = _fausts_client(load_settings(environ=variables(way)))
    await client.bootstrap()
    assert client.cluster.brokers()
    await client.close()


def _fausts_client(settings: Settings) -> Any:
    app = create_app(settings, "state", take_slot(settings, "state"))
    options: dict[str, Any] = credentials_to_aiokafka_auth(app.conf.broker_credentials)
    return AIOKafkaClient(bootstrap_servers=settings.kafka.bootstrap_servers, **options)


@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_broker_refuses_is_told_with_its_remedy(wrong: str, variables: Variables) -> None:
    way, changes, setting = WRONG[wrong]
    settings = load_settings(environ=variables(way, **changes))
    with pytest.raises(Fatal) as raised:
        clients.reach(settings, timeout=20)
    assert f":{settings.kafka.bootstrap_servers.partition(':')[2]}" in raised.value.message
    assert f"HEADWATER_KAFKA__{setting}" in raised.value.remedy
    assert not any(secret in str(raised.value) for secret in (PASSWORD, GUESSED, KEY_PASSWORD))


def test_roles_end_with_the_remedy_instead_of_trying_for_ever(
    variables: Variables, start: Start, registry_url: str
) -> None:
    def given(wrong: str) -> dict[str, str]:
        way, changes, _ = WRONG[wrong]
        return variables(way, **changes) | {"HEADWATER_REGISTRY__URL": registry_url}

    register_all(load_settings(environ=given("no certificate")))
    with RecordedNode(AdjustableChain.synthetic(1)).serve_in_thread() as node:
        started = {
            "password": start(given("password"), "topics", "plan"),
            "user": start(given("user"), "work", "state"),
            "CA": start(given("CA"), "work", "normalize"),
            "advertised name": start(given("advertised name"), "work", "enrich"),
            "no certificate": start(given("no certificate"), "listen", "--rpc", node.url),
        }
        for wrong, role in started.items():
            assert role.exit_code(40) == 1, role.logged()
            last = role.logged().splitlines()[-1]
            assert last.startswith("headwater: Kafka "), role.logged()
            assert f"HEADWATER_KAFKA__{WRONG[wrong][2]}" in last
            assert GUESSED not in role.logged()


def test_the_sink_stops_reading(variables: Variables, topic_prefix: str) -> None:
    settings = load_settings(environ=variables("PLAIN", sasl_password=GUESSED))
    consumer = GroupConsumer(settings, topic_prefix)
    consumer.subscribe([f"{topic_prefix}.any"], lambda _: None, lambda *_: None)
    with pytest.raises(Fatal, match="HEADWATER_KAFKA__SASL_PASSWORD"):
        until(lambda: bool(consumer.receive(0.1).messages), "nothing comes")
    consumer.close()


async def test_a_worker_learns_why_aiokafka_cannot_connect(variables: Variables) -> None:
    """As after a change of the password: aiokafka would say so in its log only, and try for ever."""
    settings = load_settings(environ=variables("SCRAM-SHA-512", sasl_password=GUESSED))
    learning = asyncio.ensure_future(rejected(settings))
    client = _fausts_client(settings)
    with pytest.raises(KafkaConnectionError):
        await client.bootstrap()
    await client.close()
    assert "HEADWATER_KAFKA__SASL_PASSWORD" in (await asyncio.wait_for(learning, 40)).remedy


# With the sixth, however TCP cuts them, a client that has logged in could ask for something.
@pytest.mark.parametrize("utterances", range(1, 6))
def test_a_broker_that_dies_in_the_middle_of_a_login_is_only_away(
    utterances: int, variables: Variables, listeners: Listeners
) -> None:
    with proxy(listeners.login, utterances=utterances) as port:
        given = variables("SCRAM-SHA-512", bootstrap_servers=f"127.0.0.1:{port}")
        with pytest.raises(Transient, match="does not answer"):
            clients.reach(load_settings(environ=given), timeout=0.25)


def test_a_listener_of_another_kind_is_named_as_a_possible_reason(listeners: Listeners) -> None:
    given = {"HEADWATER_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{listeners.login}"}
    with pytest.raises(Transient, match="HEADWATER_KAFKA__SECURITY_PROTOCOL"):
        clients.reach(load_settings(environ=given), timeout=0.4)


def test_a_worker_that_is_sent_where_nobody_is_still_heeds_a_signal(
    listeners: Listeners, start: Start, registry_url: str, tmp_path: Path
) -> None:
    given = {
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{listeners.lost}",
        "HEADWATER_DATA_DIR": str(tmp_path / "data"),
        "HEADWATER_REGISTRY__URL": registry_url,
    }
    worker = start(given, "work", "state")
    until(lambda: "Unable connect to node" in worker.logged() or not worker.alive, "it tries")
    assert worker.alive, worker.logged()
    worker.terminate()
    assert worker.exit_code(15) == 0, worker.logged()
