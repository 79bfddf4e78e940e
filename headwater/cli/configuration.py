"""Settings as a command sees them: a local stack in the data directory stands above the defaults.

Logins go with addresses: a command that talks to the local stack sends it no login of the environment or the
settings file, and sends the stack's own nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping

from headwater import redaction
from headwater.settings import Settings, load_settings, provenance, secrets
from sandbox.stack import endpoints


def configured(overrides: Mapping[str, object] | None = None) -> Settings:
    """The settings of a command, `overrides` being its flags. Raises Fatal naming what is wrong."""
    settings = load_settings(overrides, local=endpoints.settings)
    redaction.learn(secrets(settings))
    return settings


def origins(overrides: Mapping[str, object] | None = None) -> list[tuple[str, str, str]]:
    """Each setting as (name, masked value, where it came from)."""
    return provenance(overrides, local=endpoints.settings)
