"""How a value may be shown."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr


def masked(value: object) -> str:
    """A value as it may be shown: secrets as stars, addresses of nodes without path, query and user."""
    if isinstance(value, SecretStr):
        return (
            mask_url(value.get_secret_value())
            if "://" in value.get_secret_value()
            else ("***" if value.get_secret_value() else "")
        )
    if isinstance(value, tuple):
        return ", ".join(masked(item) for item in value)
    return mask_url(value) if isinstance(value, str) and "://" in value and "@" in value else str(value)


def mask_url(url: str) -> str:
    """Scheme, host and port; keys sit in user parts, paths and queries, so those become stars."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    rest = "/***" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{port}{rest}"
