"""Who may ask: the address that was meant, the page that asks, and the login. Pure.

Loopback is not a fence: every page in a browser can send requests there, and a name that resolves to
127.0.0.1 ("DNS rebinding") lets it read the answers. So the Host must be loopback's and ours, a request from
a page of another origin is refused, and nothing but the ping is answered without a login.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from sandbox.chdb.failures import Failure
from sandbox.chdb.logins import READER, WRITER, Logins

_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_OWN_PAGES: Final = ("same-origin", "none")
Header = Callable[[str], Sequence[str]]
"""A header's values, all of them, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An HTTP status and what is said with it."""

    status: int
    text: str


def misdirected(target: str, header: Header, port: int) -> Rejection | None:
    """Why a request is not for this server, or comes from a page of another one; None when neither."""
    if not target.startswith("/"):
        return Rejection(400, "The request's target is not a path.")
    hosts = header("Host")
    if len(hosts) != 1 or hosts[0].strip().lower() not in _hosts(port):
        return Rejection(421, f"This server is 127.0.0.1:{port} and no other host.")
    own = {f"http://{host}" for host in _hosts(port)}
    if any(origin.strip().lower() not in own for origin in header("Origin")):
        return Rejection(403, "Pages of other origins may not ask this server.")
    if any(site.strip().lower() not in _OWN_PAGES for site in header("Sec-Fetch-Site")):
        return Rejection(403, "Pages of other sites may not ask this server.")
    return None


def user(header: Header, options: Mapping[str, str], logins: Logins) -> str:
    """The name of the user whose login the request carries. Raises Failure as ClickHouse words it."""
    name, password = _login(header, options)
    if name is None:
        raise Failure(
            "Code: 194. DB::Exception: default: Authentication failed: this server wants a login, "
            "which stands in endpoints.json of the stack's directory. (REQUIRED_PASSWORD)"
        )
    expected = {WRITER: logins.writer, READER: logins.reader}.get(name)
    # A user that does not exist takes as long as one that does.
    same = hmac.compare_digest(password.encode(), (expected or logins.writer).encode())
    if expected is None or not same:
        raise Failure(
            "Code: 516. DB::Exception: Authentication failed: password is incorrect, or there is no user "
            "with such name. (AUTHENTICATION_FAILED)"
        )
    return name


def _hosts(port: int) -> tuple[str, ...]:
    return tuple(f"{name}:{port}" for name in _NAMES) + (_NAMES if port == 80 else ())


def _login(header: Header, options: Mapping[str, str]) -> tuple[str | None, str]:
    for line in header("Authorization"):
        scheme, _, token = line.partition(" ")
        if scheme.lower() != "basic":
            continue
        try:
            name, _, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", ""
        return name, password
    if names := header("X-ClickHouse-User"):
        return unquote(names[0]), next(iter(header("X-ClickHouse-Key")), "")
    return (options["user"], options.get("password", "")) if "user" in options else (None, "")
