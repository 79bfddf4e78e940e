"""Where values come from: flags, the environment, a YAML file, and what the caller knows of a local stack."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from headwater.errors import Fatal
from headwater.settings.model import PREFIX, Settings
from headwater.settings.section import Section

# Read by the local stack and the start-up code, before settings exist.
OUTSIDE = {
    "HEADWATER_CONFIG",
    "HEADWATER_CACHE_DIR",
    "HEADWATER_JAVA_HOME",
    "HEADWATER_ANVIL",
    "HEADWATER_MAVEN_REPOSITORY",
    "HEADWATER_TRUSTED_CA",
}


ADDRESSES = ("kafka.bootstrap_servers", "registry.url", "clickhouse.url")
"""Where logins are sent to."""


def known() -> dict[str, type[BaseModel] | None]:
    names: dict[str, type[BaseModel] | None] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            names.update({f"{name}.{inner}": section for inner in section.model_fields})
        else:
            names[name] = None
    return names


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper().replace(".", "__")


def value_of(settings: Settings, name: str) -> object:
    section, _, field = name.rpartition(".")
    return getattr(getattr(settings, section) if section else settings, field)


def _flat(values: Mapping[str, Any], origin: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    names = known()
    for name, value in values.items():
        full = prefix + str(name)
        if isinstance(value, Mapping):
            yield from _flat(value, origin, full + ".")
        elif full in names:
            yield full, value
        else:
            near = difflib.get_close_matches(full, list(names), 1, 0.5)
            raise Fatal(
                f"unknown setting {full} ({origin})",
                remedy=f"did you mean {near[0]}?" if near else "see `headwater settings`",
            )


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    variables = {variable(name): name for name in known()}
    found: dict[str, Any] = {}
    for each, value in environ.items():
        if not each.startswith(PREFIX) or each in OUTSIDE or each.startswith("HEADWATER_TEST_"):
            continue
        if each not in variables:
            near = difflib.get_close_matches(each, list(variables), 1, 0.5)
            raise Fatal(
                f"unknown setting {each} (environment)",
                remedy=f"did you mean {near[0]}?" if near else "see `headwater settings`",
            )
        found[variables[each]] = value
    return found


def _yaml(path: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Fatal(
            f"cannot read the settings file {path}: {error}", remedy="see HEADWATER_CONFIG"
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Fatal(f"the settings file {path} is not a mapping")
    return dict(_flat(content, path))


def logins() -> frozenset[str]:
    """The settings that prove who we are to Kafka, registry and ClickHouse, and the name of its cluster."""
    kafka = ("kafka.security_", "kafka.sasl_", "kafka.ssl_")
    others = {"username", "password", "cluster"}
    return frozenset(name for name in known() if name.startswith(kafka) or name.rpartition(".")[2] in others)


Local = Callable[[Path], tuple[str, Mapping[str, object]]]
"""Data directory → where a stack that runs there says it, and the settings that it gives, by name."""


def nothing_local(data_dir: Path) -> tuple[str, Mapping[str, object]]:
    """No stack runs on this machine."""
    return "", {}


def merged(
    overrides: Mapping[str, Any],
    environ: Mapping[str, str],
    ignored: Collection[str] = (),
    local: Local = nothing_local,
) -> tuple[dict[str, Any], dict[str, str]]:
    flags = {name: value for name, value in _flat(overrides, "flag") if value is not None}
    env = _environment(environ)
    file = environ.get("HEADWATER_CONFIG", "")
    layers: list[tuple[str, Mapping[str, Any]]] = [("flag", flags), ("environment", env)]
    if file:
        layers.append((file, _yaml(file)))
    data_dir = next((str(layer["data_dir"]) for _, layer in layers if "data_dir" in layer), ".headwater")
    layers.append(local(Path(data_dir)))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    last, addressed, proving = len(layers) - 1, _addressed_by(layers), logins()
    for place, (origin, layer) in reversed(list(enumerate(layers))):
        for name, value in layer.items():
            # A login belongs to the address that it came with: the shell's is not for a stack on this
            # machine, and the stack's is for no other server.
            local_address = addressed.get(name.partition(".")[0]) == last
            if name in proving and (place == last) is not local_address:
                continue
            if origin == "flag" or name not in ignored:
                values[name], origins[name] = value, origin
    return values, origins


def _addressed_by(layers: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, int]:
    """Service → the place among the layers of the one that gives its address."""
    return {
        name.partition(".")[0]: place
        for name in ADDRESSES
        for place, (_, layer) in reversed(list(enumerate(layers)))
        if name in layer
    }


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in values.items():
        section, _, field = name.rpartition(".")
        (result.setdefault(section, {}) if section else result)[field] = value
    return result
