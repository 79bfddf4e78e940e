"""No login and no key of an address in any text that leaves the process, whichever client made it."""

from __future__ import annotations

import json
import logging as std_logging
import subprocess
import sys
from collections.abc import Callable
from urllib.error import URLError

import aiohttp
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from confluent_kafka import KafkaError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connectors.clickhouse import client as clickhouse
from connectors.evm.rpc.answers import HttpAnswer
from connectors.evm.rpc.endpoint import Endpoint
from headwater import logging
from headwater.errors import Fatal, HeadwaterError, Permanent
from headwater.health import Health
from headwater.kafka.reach import away
from headwater.kafka.rejections import rejection
from headwater.redaction import brief, mask_url, redact, secrets_of
from headwater.settings import ClickHouseSettings, KafkaSettings, RegistrySettings, Settings, secrets
from sandbox.supervisor.process import Child, Command
from schemas.client import RegistryClient
from topics.dead_letters import error_headers

LOGIN = "http://reader:hunter2hunter2@db:8123"
NODE = "https://user:pass1234@node.example:8545/v3/0123456789abcdef0123?apikey=qwertyuiop"
HIDDEN = ("hunter2hunter2", "reader:", "pass1234", "0123456789abcdef0123", "qwertyuiop")


def clean(text: str) -> None:
    assert not [secret for secret in HIDDEN if secret in text], text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"no answer from {LOGIN}: refused", "no answer from http://db:8123: refused"),
        (f"GET {NODE}, twice", "GET https://node.example:8545/***, twice"),
        ("(for url http://db:8123?query=x)", "(for url http://db:8123/***)"),
        ("with url: /?user=me&password=hunter2hunter2&x=1", "with url: /?user=me&password=***&x=1"),
        ("Authorization: Basic cmVhZGVyOmh1bnRlcjI=", "Authorization: Basic ***"),
        ("SASL_SSL://u:hunter2hunter2@b:9093/bootstrap: away", "SASL_SSL://b:9093/bootstrap: away"),
        ("http://me:12345678901@h/", "http://h"),
        ("http://[::1]:8123/x", "http://[::1]:8123/***"),
        ("http://reader:hunter2hunter2", "http://***"),
        ("nothing to hide: a/b c=d", "nothing to hide: a/b c=d"),
    ],
)
def test_addresses_in_text(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown


@given(st.text())
def test_any_text_can_be_an_address(text: str) -> None:
    assert "://" in mask_url(text)
    assert redact(f"http://u:hunter2hunter2@h {text}").count("hunter2hunter2") == text.count("hunter2hunter2")


def test_a_cut_never_halves_a_secret() -> None:
    text = f"failed at {LOGIN}"
    for longest in range(len(text)):
        assert "hunter2"[:4] not in brief(text, longest)


def test_known_secrets_are_found_quoted_and_escaped() -> None:
    secret = 'p"ss/w ord\\1'
    text = f"{secret} {json.dumps(secret)} p%22ss%2Fw%20ord%5C1"
    assert redact(text, [secret]) == '*** "***" ***'
    assert "0123456789abcdef0123" in secrets_of(NODE)


def test_settings_tell_their_secrets_and_no_words() -> None:
    settings = Settings(
        registry=RegistrySettings(url="http://me:hunter2hunter2@r:8081/apis", password=SecretStr("pass1234")),
        clickhouse=ClickHouseSettings(url=LOGIN),
        chain={"rpc": [SecretStr("https://rpc.example/ethereum/0123456789abcdef0123")]},
    )
    found = secrets(settings)
    assert {"hunter2hunter2", "pass1234", "0123456789abcdef0123"} <= found
    assert not {"apis", "ethereum", "me"} & found


@pytest.mark.parametrize("kind", [Fatal, Permanent])
def test_an_error_hides_what_it_was_told(kind: type[HeadwaterError]) -> None:
    error = kind(f"no answer from {LOGIN}", remedy="wait")
    clean(f"{error} {error.message} {error!r}")


def test_health_and_dead_letters_pass_no_logger() -> None:
    health = Health()
    health.report("clickhouse", False, f"down: {LOGIN}")
    clean(health.checks()["clickhouse"].detail)
    try:
        raise ValueError(f"bad row from {NODE}") from OSError(LOGIN)
    except ValueError as error:
        headers = error_headers("t", 0, 1, "sink", error)
    clean(" ".join(value.decode() for _, value in headers))


def test_the_logger_is_a_net(capsys: pytest.CaptureFixture[str]) -> None:
    root = std_logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        for format in ("json", "human"):
            logging.configure("test", format=format)
            logging.get_logger("headwater.test").warning("away", url=LOGIN, nested={"rpc": [NODE]})
            try:
                raise OSError(f"cannot connect to {LOGIN}")
            except OSError:
                std_logging.getLogger("some.library").exception("failed at %s", NODE)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    printed = capsys.readouterr().err
    assert printed.count("db:8123") >= 4
    clean(printed)


# Each client's own errors.


class Quoting:
    """A node whose errors quote the address that it was asked at, and parts of it."""

    def __init__(self, answer: HttpAnswer | Exception) -> None:
        self._answer = answer

    async def post(self, url: str, body: bytes) -> HttpAnswer:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    async def close(self) -> None:
        """Nothing is open."""


def _node_error(message: str, code: object = -32000) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 0, "error": {"code": code, "message": message}}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(200, _node_error(f"bad request to {NODE}")),
        HttpAnswer(200, _node_error("project id 0123456789abcdef0123 is over its limit")),
        HttpAnswer(200, _node_error("x" * 150 + "0123456789abcdef0123")),
        HttpAnswer(200, _node_error("no", "0123456789abcdef0123")),
        HttpAnswer(200, _node_error("method not found for apikey qwertyuiop", -32601)),
        HttpAnswer(401, _node_error("key 0123456789abcdef0123 is not known")),
        OSError(111, f"Connect call failed {NODE}"),
        aiohttp.InvalidURL(NODE),
        aiohttp.ClientError(f"cannot connect to {NODE}"),
    ],
    ids=lambda answer: type(answer).__name__,
)
@pytest.mark.asyncio
async def test_what_a_node_says(answer: HttpAnswer | Exception) -> None:
    endpoint = Endpoint("local", mask_url(NODE), NODE, Quoting(answer))
    with pytest.raises(HeadwaterError) as raised:
        await endpoint.call("eth_x")
    clean(f"{raised.value} {raised.value!r} {getattr(raised.value, 'what', '')}")
    assert "0123456789" not in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError(f"Error HTTPConnectionPool executing HTTP request (for url {LOGIN})"),
        DatabaseError(f"Code: 516. DB::Exception: reader: {LOGIN} Authentication failed"),
        OperationalError(""),
    ],
)
def test_what_clickhouse_says(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def failing(**options: object) -> object:
        raise error

    monkeypatch.setattr("connectors.clickhouse.client.clickhouse_connect.get_client", failing)
    with pytest.raises(HeadwaterError, match="http://db:8123") as raised:
        clickhouse.connect(ClickHouseSettings(url=LOGIN))
    clean(str(raised.value).replace("reader: http", "http"))


@pytest.mark.parametrize(
    "failure",
    [
        URLError(f"no host given: {LOGIN}"),
        OSError("nonnumeric port: 'hunter2hunter2@db:8123'"),
        ValueError(f"unknown url type: {LOGIN}"),
    ],
)
def test_what_the_registry_says(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda self, at_least=0.0: 0.0)
    asked: list[str] = []

    def send(request: object) -> object:
        asked.append(f"{request.full_url} {request.get_header('Authorization')}")  # type: ignore[attr-defined]
        raise failure

    client = RegistryClient(RegistrySettings(url=LOGIN), send)  # type: ignore[arg-type]
    with pytest.raises(HeadwaterError) as raised:
        client.schema(1)
    clean(str(raised.value))
    # The login is sent as one, not as a part of the host's name.
    assert asked[0] == "http://db:8123/schemas/ids/1 Basic cmVhZGVyOmh1bnRlcjJodW50ZXIy"


@pytest.mark.parametrize(
    "make",
    [
        lambda error: away(Settings(), error),
        lambda error: rejection(error, KafkaSettings()),
    ],
)
def test_what_kafka_says(make: Callable[[KafkaError], HeadwaterError | None]) -> None:
    text = "sasl_plaintext://u:hunter2hunter2@b:9092/1: SASL authentication error: u password=hunter2hunter2"
    error = make(KafkaError(KafkaError._AUTHENTICATION, text))
    assert error is not None
    clean(str(error))


def test_what_a_service_of_the_sandbox_says_as_it_dies(tmp_path: object) -> None:
    log = tmp_path / "service.log"  # type: ignore[operator]
    program = f"import sys; sys.exit('cannot fork from {NODE}')"
    child = Child(Command("anvil", (sys.executable, "-c", program), log))
    assert child.wait(30)
    clean(child.ending())
    assert "node.example" in child.ending()


def test_what_nobody_caught_is_told_without_logins() -> None:
    broken = f"def build(words): raise OSError({LOGIN!r})"
    program = f"import headwater.cli as cli\n{broken}\ncli.build = build\ncli.main()"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("Traceback")
    assert "OSError: http://db:8123" in ended.stderr
    clean(ended.stderr)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://reader:hunter2hunter2@127.0.0.1:1", "ClickHouse does not answer at http://127.0.0.1:1: "),
        ("http://reader:hunter2hunter2", "setting clickhouse.url (flag): Value error, not an address"),
    ],
)
def test_a_command_ends_in_one_clean_line(url: str, says: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "headwater", "sql", "SELECT 1", "--clickhouse-url", url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"headwater: {says}")
    assert ended.stderr.count("\n") == 1
    clean(ended.stderr)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 1_000_000 + " ://x", "a" * 1_000_000 + " ://x"),
        ("http://node/" + ")" * 1_000_000 + "x", "http://node/***"),
    ],
    ids=["a long word", "a long tail"],
)
def test_text_of_any_length_takes_no_more_than_its_length(text: str, shown: str) -> None:
    # By the square of it these would take half an hour, and the suite's time-out ends them.
    assert redact(text) == shown
