"""How a value may be shown."""

from __future__ import annotations

from pydantic import SecretStr

from headwater.redaction import mask_url


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
