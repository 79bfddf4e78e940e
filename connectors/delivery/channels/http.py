"""HTTP calls to addresses that somebody else chose: none to a private network, none without an end.

The address that is judged is the one that is connected to: a name may resolve to another one the next time.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.connector import AddrInfoType

from connectors.delivery.channels.addresses import is_public
from headwater.digits import decimal
from headwater.errors import Permanent, Transient
from headwater.redaction import brief, secrets_of
from headwater.settings import DeliverySettings

# Of an answer's body people see the beginning; nothing else is made of it.
_BODY_BYTES: Final = 4_096
_SHOWN: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")


class AddressRefusedError(OSError):
    """The name leads to an address that may not be called."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, the wish for a pause in seconds, and the beginning of the text, without secrets.

    There is no pause after a 2xx, and no text where the body is late or cut off.
    """

    status: int
    retry_after: float
    text: str


def url_problem(url: str, *, allow_private: bool) -> str:
    """What is wrong with an address that is to be called; "" for nothing. Never has the address in it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "it is not an address"
    if not host or port == 0 or _CONTROL.search(url):
        return "it is not an address of the form https://host/path"
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        return "it is not https (HEADWATER_DELIVERY__ALLOW_PRIVATE=true allows http)"
    if not allow_private and _is_ip(host) and not is_public(host):
        return _PRIVATE
    return ""


_PRIVATE: Final = "it leads to a private address (HEADWATER_DELIVERY__ALLOW_PRIVATE=true allows those)"


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


class Http:
    """The calls of all channels. Made and used in one event loop."""

    def __init__(self, settings: DeliverySettings) -> None:
        self._settings = settings
        proxy = settings.proxy
        self._proxy = None if proxy is None else proxy.get_secret_value()
        # Behind a proxy the connected address is the proxy's, which then decides what may be called.
        judged = not settings.allow_private and self._proxy is None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=ssl.create_default_context(),
                socket_factory=_public_socket if judged else None,
                limit=0,
            ),
            timeout=aiohttp.ClientTimeout(total=settings.timeout_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": "headwater", "Accept-Encoding": "identity"},
        )

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], secrets: Collection[str] = ()
    ) -> HttpAnswer:
        """The answer, whatever its status. `secrets` are masked in text and errors, those of the address too.

        Raises Transient when there is none in time, Permanent when the address may not be called.
        """
        hidden = {*secrets, *secrets_of(url)}
        if problem := url_problem(url, allow_private=self._settings.allow_private):
            raise Permanent(f"the address is not called: {problem}")
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False, proxy=self._proxy
            ) as answer:
                taken = 200 <= answer.status < 300
                wish = None if taken else answer.headers.get("Retry-After")
                text = _masked(await _beginning(answer), hidden, _SHOWN)
                return HttpAnswer(answer.status, retry_after(wish, datetime.now(UTC)), text)
        except TimeoutError as error:
            raise Transient(f"no answer within {self._settings.timeout_seconds:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            problem = _masked(str(error) or type(error).__name__, hidden, 500)
            raise Transient(f"no answer: {problem}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def retry_after(text: str | None, now: datetime) -> float:
    """Seconds of a Retry-After header (RFC 9110, 10.2.3): a number or a date; 0 for none that is one."""
    if text is None:
        return 0.0
    if (seconds := decimal(text.strip(), 31)) is not None:
        return float(seconds)
    try:
        until = parsedate_to_datetime(text)
        return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())
    except (ValueError, OverflowError):  # the latter for a zone beyond any clock
        return 0.0


async def _beginning(answer: aiohttp.ClientResponse) -> str:
    """The beginning of the body. The status says what the receiver did, whatever becomes of its text."""
    try:
        return (await answer.content.read(_BODY_BYTES)).decode(errors="replace")
    except (TimeoutError, aiohttp.ClientError, OSError):
        return ""


def _masked(text: str, secrets: Collection[str], longest: int) -> str:
    for each in sorted(secrets, key=len, reverse=True):
        text = text.replace(each, "***")
    return brief(text, longest)


def _public_socket(resolved: AddrInfoType) -> socket.socket:
    """A socket for an address that was resolved, as asyncio gives it. Raises AddressRefusedError."""
    family, kind, protocol, _, address = resolved
    if not is_public(str(address[0])):
        raise AddressRefusedError(errno.EACCES, f"the name is not called: {_PRIVATE}")
    return socket.socket(family, kind, protocol)
