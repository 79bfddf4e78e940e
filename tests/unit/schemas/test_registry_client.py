"""The registry's API: what is asked, what each answer means, and that only passing failures are retried."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from email.message import Message
from http.client import BadStatusLine, IncompleteRead
from urllib.error import HTTPError, URLError
from urllib.request import Request
from urllib.response import addinfourl

import pytest

from headwater.errors import Fatal, Transient
from headwater.settings import RegistrySettings, load_settings
from schemas import schema_of, streams
from schemas.client import Answer, RegistryClient
from schemas.errors import IncompatibleSchema, MalformedRecord
from schemas.naming import subject_of
from schemas.registry import Registry, canonical
from tests.builders.shelf import Shelf
from topics.catalog import TOPICS, topic_name

Reply = Answer | Exception


class Wire:
    """Answers requests from a script and remembers them."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[str, str, object]] = []

    def __call__(self, request: Request) -> Answer:
        body = None if request.data is None else json.loads(request.data)  # type: ignore[arg-type]
        self.asked.append((request.get_method(), request.full_url, body))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.retry.Backoff.next", lambda *_: 0.0)


def _client(wire: Callable[[Request], Answer], **more: object) -> RegistryClient:
    return RegistryClient(RegistrySettings.model_validate({"url": "http://r/api/", **more}), wire)


def test_ids_are_asked_for_once_and_never_registered_by_a_writer() -> None:
    wire = Wire(Answer(404, {"error_code": 40403}), Answer(200, {"id": 5}))
    settings = load_settings({"chain": {"name": "c"}, "topic_prefix": "p"}, environ={})
    registry = Registry(settings, _client(wire))
    # An emptied registry would give an id that messages written before have for another schema.
    with pytest.raises(Transient, match=r"has not the schema of this version.*headwater schemas register"):
        registry.id_for("logs")
    assert registry.id_for("logs") == registry.id_for("logs") == 5
    lookup = ("POST", "http://r/api/subjects/p.c.logs.v1-value", {"schema": canonical(schema_of("logs"))})
    assert wire.asked == [lookup, lookup]


def test_schemas_are_asked_for_once_and_unknown_ids_again() -> None:
    shelf = Shelf()
    assert shelf.registry.schema(99) is None
    shelf.ids[99] = '"string"'
    asked = shelf.asked
    assert shelf.registry.schema(99) == shelf.registry.schema(99) == "string"
    assert shelf.asked == asked + 1


def test_an_id_that_an_empty_registry_does_not_know_is_waited_for() -> None:
    shelf = Shelf()
    subjects, ids = shelf.subjects, shelf.ids
    shelf.subjects, shelf.ids = {}, {}
    with pytest.raises(Transient, match=r"schema id 2, and .* has not the schema of this version"):
        shelf.registry.schema(2)
    shelf.subjects, shelf.ids = subjects, ids
    assert shelf.registry.schema(2) == json.loads(ids[2])


def test_an_id_that_a_registry_restored_from_before_the_newest_schema_does_not_know_is_waited_for() -> None:
    shelf = Shelf()
    newest = max(shelf.ids)
    del shelf.ids[newest]
    shelf.subjects = {key: number for key, number in shelf.subjects.items() if number != newest}
    with pytest.raises(Transient, match="not whole"):
        shelf.registry.schema(newest)


def test_an_id_is_waited_for_when_what_was_learned_before_is_gone_or_another() -> None:
    shelf = Shelf()
    shelf.ids[40] = '"string"'
    assert shelf.registry.schema(40) == "string"
    del shelf.ids[40]
    with pytest.raises(Transient, match="schema id 40 is gone"):
        shelf.registry.schema(41)
    shelf.ids[40] = '"bytes"'
    with pytest.raises(Transient, match="schema id 40 is another schema"):
        shelf.registry.schema(41)


def test_an_id_is_waited_for_when_the_registry_was_filled_anew_with_other_ids() -> None:
    shelf = Shelf()
    shelf.registry.id_for("logs")
    shelf.subjects = {key: number + 7 for key, number in shelf.subjects.items()}
    with pytest.raises(Transient, match=r"not .* as before"):
        shelf.registry.schema(99)


def test_an_id_that_an_emptied_registry_gave_to_another_schema_is_waited_for() -> None:
    shelf = Shelf()
    reader = shelf.registry.schemas_of("logs")
    logs = shelf.registry.id_for("logs")
    subjects, ids = shelf.subjects, shelf.ids
    blocks = canonical(schema_of("blocks"))
    shelf.subjects = {key: logs for key in subjects if key[1] == blocks}
    shelf.ids = {logs: blocks}
    with pytest.raises(Transient, match=rf"has io.headwater.v1.Block as schema id {logs}.*not whole"):
        reader(logs)
    shelf.subjects, shelf.ids = subjects, ids
    assert reader(logs) == schema_of("logs")


def test_a_record_of_another_stream_is_no_fault_of_a_whole_registry() -> None:
    shelf = Shelf()
    blocks = shelf.registry.id_for("blocks")
    with pytest.raises(MalformedRecord, match=r"has io\.headwater\.v1\.Block under this id, not io"):
        shelf.registry.schemas_of("logs")(blocks)


def test_passing_failures_are_retried_and_then_transient() -> None:
    wire = Wire(URLError("refused"), Answer(503, "busy"), Answer(429, {}), Answer(200, {"id": 7}))
    assert _client(wire).register("s", "{}") == 7
    wire = Wire(*[Answer(500, {"message": "down"})] * 6)
    with pytest.raises(Transient, match=r"http://r/\*\*\*: 500 down"):
        _client(wire).register("s", "{}")
    assert wire.replies == []
    with pytest.raises(Transient, match=r"does not answer: .*refused"):
        _client(Wire(*[URLError("refused")] * 6)).schema(1)


def test_refusals_are_not_retried() -> None:
    with pytest.raises(
        IncompatibleSchema, match="s: the registry refuses the schema: no default; make the change"
    ):
        _client(Wire(Answer(409, {"message": "no default"}), Answer(404, {}))).register("s", "{}")
    with pytest.raises(Fatal, match="401 who are you"):
        _client(Wire(Answer(401, "who are you"))).register("s", "{}")


def test_a_schema_that_somebody_else_registers_at_the_same_moment_is_as_good() -> None:
    wire = Wire(Answer(409, {"message": "An artifact with ID 's' already exists"}), Answer(200, {"id": 5}))
    assert _client(wire).register("s", "{}") == 5
    assert [path for _, path, _ in wire.asked] == [
        "http://r/api/subjects/s/versions",
        "http://r/api/subjects/s",
    ]


def test_a_level_that_somebody_else_sets_at_the_same_moment_is_set_again() -> None:
    wire = Wire(Answer(409, {"message": "A rule named 'COMPATIBILITY' already exists."}), Answer(200, {}))
    _client(wire).require("s", "BACKWARD")
    assert len(wire.asked) == 2
    with pytest.raises(Fatal, match="409"):
        _client(Wire(Answer(409, {}), Answer(409, {}))).require("s", "BACKWARD")


def test_compatibility_is_asked_before_it_matters() -> None:
    assert _client(Wire(Answer(404, {}))).compatible("s", "{}") == []
    assert _client(Wire(Answer(200, {"is_compatible": True}))).compatible("s", "{}") == []
    found = _client(Wire(Answer(200, {"is_compatible": False, "messages": ["x"]}))).compatible("s", "{}")
    assert found == ["x"]


def test_an_older_version_finds_its_schema_among_those_of_a_newer_one() -> None:
    refused = Answer(200, {"is_compatible": False, "messages": ["x"]})
    settings = load_settings({"chain": {"name": "c"}}, environ={})
    assert Registry(settings, _client(Wire(refused, Answer(404, {})))).incompatibilities("logs") == ["x"]
    assert Registry(settings, _client(Wire(refused, Answer(200, {"id": 5})))).incompatibilities("logs") == []
    assert _client(Wire(Answer(409, {}), Answer(200, {"id": 5}))).register("s", "{}") == 5


def test_the_password_goes_into_a_header_and_nowhere_else() -> None:
    seen: list[str | None] = []

    def wire(request: Request) -> Answer:
        seen.append(request.get_header("Authorization"))
        return Answer(404, {})

    _client(wire, username="u", password="secret").schema(1)
    assert seen == ["Basic dTpzZWNyZXQ="]


def test_subjects_are_the_topics_names() -> None:
    settings = load_settings({"chain": {"name": "c"}, "topic_prefix": "p"}, environ={})
    named = [entry.stream for entry in TOPICS if entry.schema]
    assert sorted(named) == list(streams())
    for stream in named:
        assert subject_of(settings, stream) == f"p.c.{stream}.v1-value"
        assert topic_name(settings, stream) == f"p.c.{stream}.v1"


@pytest.mark.parametrize(
    "body",
    [{}, {"id": "²"}, {"id": "9" * 5_000}, {"id": -1}, {"id": 1 << 31}, {"id": None}, [], "id", None],
    ids=lambda body: str(body)[:20],
)
def test_an_answer_without_an_id_is_no_id(body: object) -> None:
    with pytest.raises(Transient, match="http://r"):
        _client(Wire(Answer(200, body))).register("s", "{}")
    with pytest.raises(Transient, match="http://r"):
        _client(Wire(Answer(200, body))).schema(1)


def test_a_message_of_any_length_is_told_in_few_words() -> None:
    with pytest.raises(Fatal) as raised:
        _client(Wire(Answer(400, {"message": "x" * 1_000_000}))).register("s", "{}")
    assert len(str(raised.value)) < 1_000


@pytest.mark.parametrize(
    "data", [b"<html>down for maintenance</html>", b"[" * 100_000, b"\xff\xfe"], ids=["html", "deep", "bytes"]
)
def test_a_page_of_a_proxy_is_no_answer_of_a_registry(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    def urlopen(request: Request, **_: object) -> object:
        return addinfourl(io.BytesIO(data), Message(), request.full_url, 200)

    monkeypatch.setattr("schemas.client.urlopen", urlopen)
    with pytest.raises(Transient, match="does not answer"):
        RegistryClient(RegistrySettings(url="http://r")).schema(1)


def test_an_answer_that_breaks_off_is_none() -> None:
    for error in (IncompleteRead(b"{"), BadStatusLine("SSH-2.0")):
        with pytest.raises(Transient, match="does not answer"):
            _client(Wire(*[error] * 6)).schema(1)


class Endless(io.RawIOBase):
    """A body that never ends; `read` without an amount would not come back."""

    def read(self, amount: int = -1, /) -> bytes:
        assert amount >= 0
        return b" " * amount


@pytest.mark.parametrize("status", [200, 404])
def test_an_endless_answer_is_not_read(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    def urlopen(request: Request, **_: object) -> object:
        if status == 200:
            return addinfourl(Endless(), Message(), request.full_url, status)
        raise HTTPError(request.full_url, status, "no", Message(), Endless())

    monkeypatch.setattr("schemas.client.urlopen", urlopen)
    with pytest.raises(Transient, match="more than 8388608 bytes"):
        RegistryClient(RegistrySettings(url="http://r")).schema(1)
