"""Typed settings: flags over `HEADWATER_*` over a YAML file over a running local stack over defaults."""

from __future__ import annotations

import difflib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from headwater.errors import Fatal

PREFIX = "HEADWATER_"
# Read by the local stack and the start-up code, before settings exist.
OUTSIDE = {
    "HEADWATER_CONFIG",
    "HEADWATER_CACHE_DIR",
    "HEADWATER_JAVA_HOME",
    "HEADWATER_ANVIL",
    "HEADWATER_MAVEN_REPOSITORY",
}

CHAIN_NAMES: Mapping[int, str] = {
    1: "ethereum",
    10: "optimism",
    56: "bnb",
    100: "gnosis",
    137: "polygon",
    8453: "base",
    17000: "holesky",
    31337: "local",
    42161: "arbitrum",
    43114: "avalanche",
    11155111: "sepolia",
}


def chain_name(chain_id: int) -> str:
    """The usual name of a chain (1 is `ethereum`, 31337 `local`), else `evm-<id>`."""
    return CHAIN_NAMES.get(chain_id, f"evm-{chain_id}")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class KafkaSettings(_Section):
    """The Kafka cluster."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Brokers, host:port, comma separated.")
    compression: Literal["zstd", "lz4", "none"] = Field(
        "zstd", description="Compression of what is produced."
    )
    session_timeout_ms: int = Field(
        10_000, ge=1_000, description="Silence after which a group member counts as dead, milliseconds."
    )
    replication: int = Field(
        1, ge=1, description="Replication factor of the topics; with 3, min.insync.replicas is 2."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak to the brokers."
    )
    sasl_mechanism: str | None = Field(
        None, description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER."
    )
    sasl_username: str | None = Field(None, description="SASL user.")
    sasl_password: SecretStr | None = Field(None, description="SASL password.")
    ssl_ca_location: Path | None = Field(None, description="CA certificates, a file.")
    ssl_certificate_location: Path | None = Field(None, description="Client certificate, a file.")
    ssl_key_location: Path | None = Field(None, description="Key of the client certificate, a file.")
    ssl_key_password: SecretStr | None = Field(None, description="Password of that key.")

    def client_options(self) -> dict[str, str | int | float | bool]:
        """The security settings under librdkafka's names."""
        options: dict[str, str | int | float | bool] = {"security.protocol": self.security_protocol}
        for name in (
            "sasl_mechanism",
            "sasl_username",
            "ssl_ca_location",
            "ssl_certificate_location",
            "ssl_key_location",
        ):
            value = getattr(self, name)
            if value is not None:
                options[name.replace("_", ".")] = str(value)
        for name in ("sasl_password", "ssl_key_password"):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None:
                options[name.replace("_", ".")] = secret.get_secret_value()
        return options


class RegistrySettings(_Section):
    """The schema registry, Confluent API."""

    url: str = Field("http://127.0.0.1:8081", description="Base address of the Confluent API.")
    username: str | None = Field(None, description="User, when it asks for one.")
    password: SecretStr | None = Field(None, description="Password.")


class ClickHouseSettings(_Section):
    """ClickHouse over HTTP."""

    url: str = Field("http://127.0.0.1:8123", description="HTTP interface.")
    database: str = Field(
        "headwater", description="Database of the tables.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"
    )
    username: str = Field("default", description="User.")
    password: SecretStr = Field(SecretStr(""), description="Password.")
    cluster: str | None = Field(None, description="Cluster name: tables become Replicated and Distributed.")


class ChainSettings(_Section):
    """One chain and the nodes that serve it."""

    name: str = Field("local", description="Name in topics and tables.", pattern=r"^[a-z0-9][a-z0-9-]*$")
    chain_id: int | None = Field(
        None, ge=1, description="EIP-155 id the nodes must report; null takes the first answer."
    )
    rpc: tuple[SecretStr, ...] = Field((), description="HTTP endpoints of nodes, in order of preference.")
    start: str = Field(
        "latest",
        description="First block of an empty topic: latest, earliest or a number.",
        pattern=r"^(latest|earliest|\d+)$",
    )
    poll_seconds: float = Field(1.0, gt=0, description="Pause between two looks at the head, seconds.")
    request_timeout_seconds: float = Field(20.0, gt=0, description="Time a call may take, seconds.")
    prefetch_blocks: int = Field(8, ge=1, description="Blocks fetched ahead while catching up.")
    safe_depth: int = Field(16, ge=1, description="Depth of safe where the chain has no such tag, blocks.")
    finalized_depth: int = Field(
        64, ge=1, description="Depth of finality where the chain has no such tag, blocks."
    )
    verify_header_hash: bool = Field(True, description="Recompute the header's hash.")
    verify_bloom: bool = Field(True, description="Check the logs bloom against the receipts.")
    traces: Literal["off", "callTracer", "trace_block"] = Field(
        "off", description="Which tracing call to make."
    )

    @field_validator("rpc", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )


class SinkSettings(_Section):
    """The ClickHouse sink."""

    batch_rows: int = Field(50_000, ge=1, description="Rows that make an insert.")
    batch_seconds: float = Field(1.0, gt=0, description="Age at which a smaller batch goes in, seconds.")
    buffer_messages: int = Field(400_000, ge=1_000, description="Messages held in memory at most.")
    max_bad_ratio: float = Field(
        0.2, ge=0, le=1, description="Share of bad rows in a batch above which the sink stops."
    )


class Settings(BaseSettings):
    """Everything a role needs to know, once, immutable."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_nested_max_split=1,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    topic_prefix: str = Field(
        "", description="Put before every topic's name, with a dot.", pattern=r"^[a-z0-9.-]*$"
    )
    client_id: str = Field(
        default_factory=lambda: f"headwater-{socket.gethostname()}-{os.getpid()}",
        description="Name in the brokers' logs and in CLAIMs.",
    )
    data_dir: Path = Field(Path(".headwater"), description="State and logs of this machine.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severity that is logged."
    )
    log_format: Literal["auto", "human", "json"] = Field(
        "auto", description="human on a terminal, json otherwise, or always one of them."
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of /metrics, /healthz, /readyz; 0 takes a free one."
    )
    metrics_host: str = Field("127.0.0.1", description="Address that port listens on.")
    metrics_port_file: Path | None = Field(None, description="File that the port taken is written to.")
    kafka: KafkaSettings = Field(default_factory=KafkaSettings, description="Kafka.")
    registry: RegistrySettings = Field(default_factory=RegistrySettings, description="Schema registry.")
    clickhouse: ClickHouseSettings = Field(default_factory=ClickHouseSettings, description="ClickHouse.")
    chain: ChainSettings = Field(default_factory=ChainSettings, description="The chain.")
    sink: SinkSettings = Field(default_factory=SinkSettings, description="The sink.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # load_settings merges every layer itself so that it can tell where a value came from.
        return (init_settings,)


def load_settings(
    overrides: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None
) -> Settings:
    """Merge the layers and validate. `overrides` is nested as the YAML file is.

    Raises Fatal naming the setting, where it came from and, for an unknown one, the nearest known name.
    """
    values, origins = _merged(overrides or {}, os.environ if environ is None else environ)
    try:
        return Settings(**_nested(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
        raise Fatal(
            f"setting {name} ({origins.get(name, 'default')}): {first['msg']}",
            remedy="see `headwater settings`",
        ) from error


def provenance(
    overrides: Mapping[str, Any] | None = None, *, environ: Mapping[str, str] | None = None
) -> list[tuple[str, str, str]]:
    """Each effective setting as (name, masked value, where it came from)."""
    settings = load_settings(overrides, environ=environ)
    _, origins = _merged(overrides or {}, os.environ if environ is None else environ)
    return [(name, masked(_value(settings, name)), origins.get(name, "default")) for name in _known()]


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


def environment(settings: Settings) -> dict[str, str]:
    """The settings as `HEADWATER_*` variables, secrets in clear: what a child process is started with."""
    result: dict[str, str] = {}
    default = Settings(client_id="")
    for name in _known():
        value = _value(settings, name)
        if name == "client_id" or value is None or value == _value(default, name):
            continue
        if isinstance(value, tuple):
            text = ",".join(item.get_secret_value() for item in value)
        elif isinstance(value, SecretStr):
            text = value.get_secret_value()
        else:
            text = str(value)
        result[PREFIX + name.upper().replace(".", "__")] = text
    return result


def _known() -> dict[str, type[BaseModel] | None]:
    names: dict[str, type[BaseModel] | None] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, _Section):
            names.update({f"{name}.{inner}": section for inner in section.model_fields})
        else:
            names[name] = None
    return names


def _value(settings: Settings, name: str) -> object:
    section, _, field = name.rpartition(".")
    return getattr(getattr(settings, section) if section else settings, field)


def _flat(values: Mapping[str, Any], origin: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    known = _known()
    for name, value in values.items():
        full = prefix + str(name)
        if isinstance(value, Mapping):
            yield from _flat(value, origin, full + ".")
        elif full in known:
            yield full, value
        else:
            near = difflib.get_close_matches(full, list(known), 1, 0.5)
            raise Fatal(
                f"unknown setting {full} ({origin})",
                remedy=f"did you mean {near[0]}?" if near else "see `headwater settings`",
            )


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {PREFIX + name.upper().replace(".", "__"): name for name in _known()}
    found: dict[str, Any] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or variable in OUTSIDE or variable.startswith("HEADWATER_TEST_"):
            continue
        if variable not in known:
            near = difflib.get_close_matches(variable, list(known), 1, 0.5)
            raise Fatal(
                f"unknown setting {variable} (environment)",
                remedy=f"did you mean {near[0]}?" if near else "see `headwater settings`",
            )
        found[known[variable]] = value
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


def _local_stack(data_dir: str) -> dict[str, Any]:
    """Where a running `headwater up` listens, from its endpoints.json."""
    path = Path(data_dir) / "endpoints.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Fatal(
            f"cannot read {path}: {error}", remedy="start `headwater up` again or remove the file"
        ) from error
    names = {
        "kafka": "kafka.bootstrap_servers",
        "schema_registry": "registry.url",
        "clickhouse": "clickhouse.url",
        "rpc": "chain.rpc",
        "chain": "chain.name",
        "chain_id": "chain.chain_id",
    }
    return {setting: found[name] for name, setting in names.items() if found.get(name) is not None}


def _merged(
    overrides: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    flags = {name: value for name, value in _flat(overrides, "flag") if value is not None}
    env = _environment(environ)
    file = environ.get("HEADWATER_CONFIG", "")
    layers: list[tuple[str, Mapping[str, Any]]] = [("flag", flags), ("environment", env)]
    if file:
        layers.append((file, _yaml(file)))
    data_dir = next((str(layer["data_dir"]) for _, layer in layers if "data_dir" in layer), ".headwater")
    layers.append((f"{data_dir}/endpoints.json", _local_stack(data_dir)))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, layer in reversed(layers):
        for name, value in layer.items():
            values[name], origins[name] = value, origin
    return values, origins


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in values.items():
        section, _, field = name.rpartition(".")
        (result.setdefault(section, {}) if section else result)[field] = value
    return result
