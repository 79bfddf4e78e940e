"""What can be set: types, defaults, units."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PREFIX = "HEADWATER_"


class Section(BaseModel):
    """A group of settings: immutable, unknown names refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class KafkaSettings(Section):
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


class RegistrySettings(Section):
    """The schema registry, Confluent API."""

    url: str = Field("http://127.0.0.1:8081", description="Base address of the Confluent API.")
    username: str | None = Field(None, description="User, when it asks for one.")
    password: SecretStr | None = Field(None, description="Password.")


class ClickHouseSettings(Section):
    """ClickHouse over HTTP."""

    url: str = Field("http://127.0.0.1:8123", description="HTTP interface.")
    database: str = Field(
        "headwater", description="Database of the tables.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"
    )
    username: str = Field("default", description="User.")
    password: SecretStr = Field(SecretStr(""), description="Password.")
    cluster: str | None = Field(None, description="Cluster name: tables become Replicated and Distributed.")


class ChainSettings(Section):
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


class SinkSettings(Section):
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
