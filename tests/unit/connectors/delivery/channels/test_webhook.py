"""What a webhook says, and what its answers mean."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook as Signer

from connectors.delivery.channels.channel import Services, Unusable
from connectors.delivery.channels.http import Http, HttpAnswer, retry_after, url_problem
from connectors.delivery.channels.webhook import WebhookSettings, outcome_of
from connectors.delivery.queue.attempt import Answer
from connectors.delivery.queue.notification import Notification
from headwater.errors import Permanent, Transient
from headwater.settings import DeliverySettings
from tests.builders.deliveries import pending

SECRET, OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class FakeHttp:
    """Answers what it is told to."""

    def __init__(self, *answers: HttpAnswer | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, bytes, dict[str, str]]] = []

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> HttpAnswer:
        self.requests.append((url, body, headers))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def services(http: object = None, **environ: str) -> Services:
    return Services(http, environ)  # type: ignore[arg-type]


async def test_each_attempt_is_signed_by_every_secret_under_one_id() -> None:
    http = FakeHttp(HttpAnswer(204, 0.0, ""), Transient("no answer: reset"))
    channel = WebhookSettings(url="https://a.example/x", secret_env=("NEW", "OLD"))
    made = channel.make(services(http, NEW=SECRET, OLD=OTHER))
    delivery = pending(1, 10)
    assert (await made.send(Notification((delivery,)))).answer is Answer.TAKEN
    failed = await made.send(Notification((delivery,)))
    assert (failed.answer, failed.problem) == (Answer.FAILED, "no answer: reset")
    for url, body, headers in http.requests:
        assert url == "https://a.example/x"
        assert headers["webhook-id"] == delivery.delivery_id
        for secret in (SECRET, OTHER):
            assert Signer(secret).verify(body, headers)["rule_id"] == "large-transfer"
        signed = headers["webhook-signature"].split()
        assert len(set(signed)) == 2


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        *((200, Answer.TAKEN), (204, Answer.TAKEN), (400, Answer.REFUSED), (410, Answer.REFUSED)),
        *((422, Answer.REFUSED), (429, Answer.THROTTLED), (401, Answer.FAILED), (404, Answer.FAILED)),
        *((301, Answer.FAILED), (307, Answer.FAILED), (500, Answer.FAILED), (503, Answer.FAILED)),
    ],
)
def test_what_an_answer_means(status: int, answer: Answer) -> None:
    assert outcome_of(HttpAnswer(status, 3.0, "text")).answer is answer


def test_a_wish_for_a_pause_is_heeded_of_what_comes_back() -> None:
    assert outcome_of(HttpAnswer(429, 3.0, "")).retry_after == 3.0
    assert outcome_of(HttpAnswer(503, 3.0, "")).retry_after == 3.0
    now = datetime(2026, 11, 28, 13, 0, tzinfo=UTC)
    assert retry_after("120", now) == 120.0
    assert retry_after("Sat, 28 Nov 2026 13:00:30 GMT", now) == 30.0
    assert retry_after("Sat, 28 Nov 2026 12:00:00 GMT", now) == 0.0
    day = "Mon, 01 Jan 2029 00:00:00"
    for nonsense in (None, "", "soon", "-5", "²", "9" * 99, f"{day} +{'9' * 30}", f"{day} +2500"):
        assert retry_after(nonsense, now) == 0.0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"secret_env": "S"}, "set one of url and url_env"),
        ({"secret_env": "S", "url": "https://a", "url_env": "U"}, "set one of url and url_env"),
        ({"secret_env": "S", "url": "https://me:pw@a.example/"}, "has a login in it"),
        ({"url": "https://a.example"}, "secret_env"),
        ({"secret_env": "S", "url": "https://a.example", "rate": "1/w"}, "not a rate"),
        ({"secret_env": "S", "url": "https://a.example", "max_age": "soon"}, "not a duration"),
        ({"secret_env": "S", "url": "https://a.example", "color": "red"}, "color"),
    ],
)
def test_settings_that_cannot_be_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        WebhookSettings.model_validate(fields)


def test_without_its_secrets_a_channel_is_unusable_and_names_the_variable() -> None:
    channel = WebhookSettings(url_env="ADDRESS", secret_env="S")
    with pytest.raises(Unusable, match="variable ADDRESS is not set"):
        channel.make(services(S=SECRET))
    with pytest.raises(Unusable, match="variable S has no signing secret") as caught:
        channel.make(services(ADDRESS="https://a.example/secret", S="whsec_?x"))
    assert "?x" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "private", "public"),
    [
        ("https://a.example/x", "", ""),
        ("http://a.example/x", "", "not https"),
        ("https://10.0.0.1/x", "", "private address"),
        ("https://[::ffff:127.0.0.1]/x", "", "private address"),
        ("ftp://a.example", "not https", "not https"),
        ("https:///x", "not an address", "not an address"),
        ("https://a.example/\r\nX: y", "not an address", "not an address"),
        ("https://a.example:0/", "not an address", "not an address"),
        ("https://[::1", "not an address", "not an address"),
    ],
)
def test_which_urls_may_be_called(url: str, private: str, public: str) -> None:
    for allow, words in ((True, private), (False, public)):
        problem = url_problem(url, allow_private=allow)
        assert words in problem
        assert bool(problem) == bool(words)


@pytest.mark.parametrize("address", ["10.0.0.1", "64:ff9b::7f00:1"])
async def test_a_name_that_leads_to_a_private_address_is_not_called(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = (address, 443, 0, 0) if ":" in address else (address, 443)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", place)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    http = Http(DeliverySettings())
    try:
        # No socket is made for what it resolves to, which this test could not do either.
        with pytest.raises(Transient, match="leads to a private address") as caught:
            await http.post("https://public.example/secret-path", b"", {})
        assert "secret-path" not in str(caught.value)
        with pytest.raises(Permanent, match="leads to a private address"):
            await http.post("https://127.0.0.1/", b"", {})
    finally:
        await http.close()
