"""Taking logins and keys out of text that people, topics and tables get to see.

Error text is masked where it is made: `HeadwaterError` masks what it says, so do health checks and the
headers of dead letters. The logger masks each line once more, as a net.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

STARS: Final = "***"
# Shorter ones are words as often as secrets: masked within their URL only.
_LEAST: Final = 8
_LEAST_OF_URL: Final = 4
# No scheme is as long as this allows. Without a bound each letter of a long word is tried as the beginning of
# one, and a node's error of 40,000 letters takes 2.7 s.
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}://[^\s'\"<>`\\]+")
_AFTER_URL: Final = ").,:;]}"
_KEYS_IN_PATH: Final = frozenset({"http", "https", "ws", "wss"})
# As in "Max retries exceeded with url: /?user=me&password=secret", and in a header that was quoted.
_NAMED: Final = re.compile(
    r"(?i)\b((?:password|passwd|pwd|token|secret|api[_-]?key|access[_-]?key|apikey)=)[^\s&'\"<>`\\]+"
    r"|\b((?:Basic|Bearer) )[A-Za-z0-9+/=._~-]{8,}"
)
_learnt: frozenset[str] = frozenset()


def mask_url(url: str) -> str:
    """Scheme, host and port; keys sit in user parts, paths and queries, so those become stars."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # Not an address after all, so nobody can say which part of it is the secret.
        return f"{url.partition('://')[0]}://{STARS}"
    host = f"[{host}]" if ":" in host else host
    rest = f"/{STARS}" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{rest}"


def secrets_of(url: str, *, keys: bool = True) -> tuple[str, ...]:
    """What must not be seen of an address: its password and, unless `keys` says no, what may be a key.

    Keys of providers of nodes are parts of the path, or values of the query.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    found = [parts.password or ""]
    if keys:
        found += [parts.username or "", parts.query, *parts.path.split("/")]
        found += [value for _, value in parse_qsl(parts.query)]
    return tuple({text for each in found for text in (each, unquote(each)) if len(text) >= _LEAST_OF_URL})


def learn(secrets: Iterable[str]) -> None:
    """Have `redact` take these out of any text from now on; said once, by whoever puts a process together."""
    global _learnt
    _learnt |= {secret for secret in secrets if len(secret) >= _LEAST}


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without the secrets given and learnt, and without logins and keys of the URLs in it."""
    for secret in sorted({*secrets, *_learnt}, key=len, reverse=True):
        # A secret is also quoted in URLs, and escaped in lines of JSON.
        for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]} if secret else ():
            text = text.replace(form, STARS)
    if "://" in text:
        text = _URL.sub(_masked, text)
    return _NAMED.sub(lambda found: f"{found[1] or found[2]}{STARS}", text)


def brief(error: object, longest: int = 500) -> str:
    """What an error says, on one line, redacted before it is cut: half a secret is recognised by nobody."""
    return redact(" ".join(str(error).split()))[:longest]


def _masked(found: re.Match[str]) -> str:
    url = found[0].rstrip(_AFTER_URL)
    rest = found[0][len(url) :]
    scheme, _, address = url.partition("://")
    if scheme.lower() in _KEYS_IN_PATH:
        return mask_url(url) + rest
    # Of other schemes the path is a name: of a topic's broker, of a database file.
    authority, slash, path = address.partition("/")
    path, _, query = path.partition("?")
    shown = authority.rpartition("@")[2]
    return f"{scheme}://{shown}{slash}{path}{f'?{STARS}' if query else ''}{rest}"
