"""Confluent's schema registry API over HTTP: the five calls that Headwater makes."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from headwater.errors import Fatal, Transient
from headwater.redaction import redact, secrets_of
from headwater.retry import Backoff, Retry
from headwater.settings import RegistrySettings
from schemas.errors import IncompatibleSchema
from schemas.registered import AVRO, Registered
from schemas.wire import is_id

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
_ATTEMPTS = 6
_SECONDS = 10.0
ANSWER_BYTES = 8 << 20
"""Far more than any schema has; the rest of an answer is not read."""
_SHOWN = 500
# Apicurio and proxies of registries say 400 or 422 of a number that they do not take for an id.
_NO_SUCH_ID = (404, 400, 422)


class Readable(Protocol):
    """An answer's body."""

    def read(self, amount: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and parsed JSON of an answer that came."""

    status: int
    body: object


class RegistryClient:
    """Each call raises Transient when the registry does not answer or answers 5xx or 429, after retries
    with backoff, and Fatal when it refuses for good.
    """

    def __init__(self, settings: RegistrySettings, send: Callable[[Request], Answer] | None = None) -> None:
        # urllib takes a login in an address for a part of the host's name; and errors tell the address.
        self.url, username, password = _login_apart(settings)
        self._secrets = secrets_of(settings.url, keys=False)
        self._send = send or _send
        self._headers = {"Content-Type": CONTENT_TYPE, "Accept": f"{CONTENT_TYPE}, application/json"}
        if username is not None:
            token = base64.b64encode(f"{username}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {token}"
        self._retry = Retry(backoff=Backoff(first=0.1, ceiling=2.0), attempts=_ATTEMPTS)

    def register(self, subject: str, schema: str) -> int:
        """The id of the schema, a new version where the subject does not have it yet.

        Raises IncompatibleSchema when the registry's rule refuses it.
        """
        answer = self._call("POST", f"/subjects/{quote(subject, safe='')}/versions", {"schema": schema})
        if answer.status == 409:
            # Apicurio says so too when somebody else registers the subject at the same moment.
            found = self.lookup(subject, schema)
            if found is not None:
                return found
            raise IncompatibleSchema(
                f"{subject}: the registry refuses the schema: {_message(answer)}",
                remedy="make the change backward compatible, or start a new major version of the stream",
            )
        return self._id(answer, subject)

    def lookup(self, subject: str, schema: str) -> int | None:
        """The id of the schema among the subject's versions, None when it is not among them."""
        answer = self._call("POST", f"/subjects/{quote(subject, safe='')}", {"schema": schema})
        return None if answer.status == 404 else self._id(answer, subject)

    def schema(self, schema_id: int) -> Registered | None:
        """What is registered under an id, None when the registry has no such id."""
        answer = self._call("GET", f"/schemas/ids/{schema_id}")
        if answer.status in _NO_SUCH_ID:
            return None
        body = self._expect(answer, f"schema {schema_id}")
        # Absent means Avro: registries said nothing of a type before they had others.
        text, kind = body.get("schema"), body.get("schemaType") or AVRO
        if not isinstance(text, str) or not isinstance(kind, str):
            raise Transient(f"schema registry {self.url}: schema {schema_id}: an answer without a schema")
        return Registered(text, kind, bool(body.get("references")))

    def compatible(self, subject: str, schema: str) -> list[str]:
        """Why the registry would refuse the schema; nothing when it would not, or has no such subject."""
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions?verbose=true"
        answer = self._call("POST", path, {"schema": schema})
        if answer.status == 404:
            return []
        body = self._expect(answer, subject)
        messages = body.get("messages")
        told = [str(each) for each in messages] if isinstance(messages, list) else []
        return [] if body.get("is_compatible") is True else told or ["not compatible"]

    def require(self, subject: str, level: str) -> None:
        """Set the subject's compatibility level."""
        path = f"/config/{quote(subject, safe='')}"
        answer = self._call("PUT", path, {"compatibility": level})
        if answer.status == 409:
            # Apicurio makes the rule at the first call: somebody else just has, and now it can be set.
            answer = self._call("PUT", path, {"compatibility": level})
        self._expect(answer, subject)

    def _id(self, answer: Answer, subject: str) -> int:
        found = self._expect(answer, subject).get("id")
        if not isinstance(found, int) or not is_id(found):
            raise Transient(f"schema registry {self.url}: {subject}: an answer without a schema id")
        return found

    def _expect(self, answer: Answer, what: str) -> dict[str, Any]:
        if answer.status != 200:
            raise Fatal(
                f"schema registry {self.url}: {what}: {answer.status} {_message(answer)}",
                remedy="check the address, the user and the registry's log",
            )
        if not isinstance(answer.body, dict):
            raise Transient(f"schema registry {self.url}: {what}: an answer that is not a JSON object")
        return answer.body

    def _call(self, method: str, path: str, body: object = None) -> Answer:
        return self._retry(lambda: self._once(method, path, body))

    def _once(self, method: str, path: str, body: object) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data=data, headers=self._headers, method=method)
        try:
            answer = self._send(request)
        except (URLError, OSError, HTTPException, ValueError) as error:
            reason = redact(str(error), self._secrets)
            raise Transient(f"schema registry {self.url} does not answer: {reason}") from error
        if answer.status >= 500 or answer.status in (408, 429):
            raise Transient(f"schema registry {self.url}: {answer.status} {_message(answer)}")
        return answer


def _login_apart(settings: RegistrySettings) -> tuple[str, str | None, str]:
    """The address without a login, and the login: the settings', else the address's own."""
    url = settings.url.rstrip("/")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Fatal(
            "the schema registry's address is not one", remedy="correct HEADWATER_REGISTRY__URL"
        ) from error
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if settings.username is not None:
        return bare, settings.username, settings.password.get_secret_value() if settings.password else ""
    own = None if parts.username is None else unquote(parts.username)
    return bare, own, unquote(parts.password or "")


def _send(request: Request) -> Answer:
    try:
        # A context of its own: Python 3.13 keeps the first one, and with it the CA file that it found.
        context = ssl.create_default_context() if request.type == "https" else None
        with urlopen(request, timeout=_SECONDS, context=context) as answer:
            return Answer(answer.status, _json(_bounded(answer) or b"null"))
    except HTTPError as error:
        with error:
            return Answer(error.code, _json_or_text(_bounded(error)))


def _bounded(answer: Readable) -> bytes:
    data = answer.read(ANSWER_BYTES + 1)
    if len(data) > ANSWER_BYTES:
        raise ValueError(f"an answer of more than {ANSWER_BYTES} bytes")
    return data


def _json(data: bytes) -> object:
    """Parsed JSON. Raises ValueError for what is none, as for one nested too deep to be an answer."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("an answer nested too deep") from None


def _json_or_text(data: bytes) -> object:
    try:
        return _json(data)
    except ValueError:
        return data[:200].decode(errors="replace")


def _message(answer: Answer) -> str:
    body = answer.body
    return str(body.get("message", body) if isinstance(body, dict) else body)[:_SHOWN]
