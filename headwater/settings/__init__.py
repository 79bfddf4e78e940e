"""Typed settings: flags over `HEADWATER_*` over a YAML file over a local stack over defaults.

Read it in this order: `model` (what can be set; `section` is what all of it has in common, `kafka` its
largest section, `chain` the words that a chain's habits have), `layers` (where values come from), `masking`
(how one may be shown), `chains` (usual names), `profiles` (habits of chains: a new family has its word in
`chain`, its habits in `PROFILES`, its ids in `FAMILIES` and its row in docs/chains.md), `pem` (are key files
what they should be).
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import SecretStr, ValidationError

from headwater.errors import Fatal
from headwater.redaction import mask_url, secrets_of
from headwater.settings.chains import CHAIN_NAMES, chain_id_of, chain_name
from headwater.settings.kafka import KafkaSettings
from headwater.settings.layers import (
    Local,
    known,
    logins,
    merged,
    nested,
    nothing_local,
    value_of,
    variable,
)
from headwater.settings.masking import masked
from headwater.settings.model import (
    AlertSettings,
    ChainSettings,
    ClickHouseSettings,
    DeliverySettings,
    RegistrySettings,
    Settings,
    SinkSettings,
    StageSettings,
)

_KEY = re.compile(r"(?=.*[0-9])[A-Za-z0-9_-]{12,}\Z")

__all__ = [
    "CHAIN_NAMES",
    "AlertSettings",
    "ChainSettings",
    "ClickHouseSettings",
    "DeliverySettings",
    "KafkaSettings",
    "RegistrySettings",
    "Settings",
    "SinkSettings",
    "StageSettings",
    "chain_id_of",
    "chain_name",
    "environment",
    "load_settings",
    "logins",
    "mask_url",
    "masked",
    "provenance",
    "secrets",
]


def load_settings(
    overrides: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    ignored: Collection[str] = (),
    local: Local = nothing_local,
) -> Settings:
    """Merge the layers and validate. `overrides` is nested as the YAML file is; `ignored` only it can set;
    `local` tells what a stack that runs in the data directory gives, above the defaults only.

    Raises Fatal naming the setting, where it came from and, for an unknown one, the nearest known name.
    """
    values, origins = merged(overrides or {}, os.environ if environ is None else environ, ignored, local)
    try:
        return Settings(**nested(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
        raise Fatal(
            f"setting {name} ({origins.get(name, 'default')}): {first['msg']}",
            remedy=f"{variable(name)} sets it",
        ) from error


def provenance(
    overrides: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    local: Local = nothing_local,
) -> list[tuple[str, str, str]]:
    """Each effective setting as (name, masked value, where it came from)."""
    settings = load_settings(overrides, environ=environ, local=local)
    _, origins = merged(overrides or {}, os.environ if environ is None else environ, local=local)
    return [(name, masked(value_of(settings, name)), origins.get(name, "default")) for name in known()]


def environment(settings: Settings) -> dict[str, str]:
    """The settings as `HEADWATER_*` variables, secrets in clear: what a child process is started with."""
    result: dict[str, str] = {}
    default = Settings(client_id="")
    for name in known():
        value = value_of(settings, name)
        if name == "client_id" or value is None or value == value_of(default, name):
            continue
        if isinstance(value, tuple):
            text = ",".join(
                item.get_secret_value() if isinstance(item, SecretStr) else str(item) for item in value
            )
        elif isinstance(value, SecretStr):
            text = value.get_secret_value()
        else:
            text = str(value)
        result[variable(name)] = text
    return result


def secrets(settings: Settings) -> frozenset[str]:
    """Every text of the settings that nobody may see: passwords, and the keys in addresses."""
    found: set[str] = set()
    for name in known():
        value = value_of(settings, name)
        for each in value if isinstance(value, tuple) else (value,):
            text = each.get_secret_value() if isinstance(each, SecretStr) else each
            if isinstance(text, str) and "://" in text:
                found.update(secrets_of(text, keys=False))
                # A provider's path has words beside the key: they stand in names of topics and tables.
                found.update(part for part in secrets_of(text) if _KEY.match(part))
            elif isinstance(each, SecretStr):
                found.add(each.get_secret_value())
    return frozenset(found)
