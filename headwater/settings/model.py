"""What can be set: types, defaults, units."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from headwater.settings.chain import Exemption, Family, Finality, LogIndexes, Root, VerifyRoots
from headwater.settings.kafka import KafkaSettings
from headwater.settings.section import Numeral, Section

PREFIX = "HEADWATER_"


def _http_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        # Not the text itself: what makes it unreadable may be the password in it.
        raise ValueError("not an address of the form http://host:port or https://host:port")
    if parts.query or parts.fragment or "?" in url:
        raise ValueError("an address with a query, which may hold a login: set username and password instead")
    return url


HttpAddress = Annotated[str, AfterValidator(_http_address)]
RefusedBlock = Annotated[str, StringConstraints(pattern=r"^[a-z]+:([0-9]{1,18}|0x[0-9a-fA-F]{64})$")]


def _parts(value: object) -> object:
    """A list, which the environment says with commas between."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


class RegistrySettings(Section):
    """The schema registry, Confluent API."""

    url: HttpAddress = Field("http://127.0.0.1:8081", description="Base address of the Confluent API.")
    username: str | None = Field(None, description="User, when it asks for one.")
    password: SecretStr | None = Field(None, description="Password.")


class ClickHouseSettings(Section):
    """ClickHouse over HTTP."""

    url: HttpAddress = Field("http://127.0.0.1:8123", description="HTTP interface.")
    database: str = Field(
        "headwater", description="Database of the tables.", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"
    )
    username: str = Field("default", description="User.")
    password: SecretStr = Field(SecretStr(""), description="Password.")
    cluster: str | None = Field(None, description="Cluster name: tables become Replicated and Distributed.")
    insert_quorum: Numeral = Field(
        "auto",
        description="On a cluster, replicas of a shard that acknowledge an insert: a number, or auto (most).",
        pattern=r"^(auto|[1-9]\d*)$",
    )


class ChainSettings(Section):
    """One chain and the nodes that serve it."""

    name: str = Field("local", description="Name in topics and tables.", pattern=r"^[a-z0-9][a-z0-9-]*$")
    chain_id: int | None = Field(
        None, ge=1, description="EIP-155 id the nodes must report; null takes the first answer."
    )
    rpc: tuple[SecretStr, ...] = Field((), description="HTTP endpoints of nodes, in order of preference.")
    ws: tuple[SecretStr, ...] = Field(
        (),
        description="WebSocket endpoints of nodes: one of them tells of new heads, while polling goes on.",
    )
    standby: bool = Field(
        False,
        description="Elect one of the listeners of the chain; the others stand by and take over if it dies. "
        "Otherwise a listener takes the chain over as soon as it starts, and the one before it ends.",
    )
    start: Numeral = Field(
        "latest",
        description="First block of an empty topic: latest, earliest or a number.",
        pattern=r"^(latest|earliest|[0-9]{1,18})$",
    )
    poll_seconds: float = Field(1.0, gt=0, description="Pause between two looks at the head, seconds.")
    stale_head_seconds: float = Field(
        30.0, gt=0, description="Age of a head after which the other nodes are asked for theirs, seconds."
    )
    quorum: int = Field(
        1, ge=1, description="Endpoints that must have the same block before it counts; 1: the first answer."
    )
    request_timeout_seconds: float = Field(20.0, gt=0, description="Time a call may take, seconds.")
    overall_timeout_seconds: float | None = Field(
        None,
        gt=0,
        description="Time that a question to the nodes (a head, a whole block) may take, attempts at all "
        "endpoints and pauses included, seconds; null is 15 times request_timeout_seconds, 60 at least.",
    )
    answer_bytes: int = Field(
        512 << 20, ge=1, description="Longest answer of a node that is read, decompressed, bytes."
    )
    prefetch_blocks: int = Field(8, ge=1, description="Blocks fetched ahead while catching up.")
    cache_bytes: int = Field(
        64 << 20, ge=0, description="Checked blocks held for being asked for again by hash, bytes; 0: none."
    )
    safe_depth: int = Field(16, ge=1, description="Depth of safe where the chain has no such tag, blocks.")
    finalized_depth: int = Field(
        64, ge=1, description="Depth of finality where the chain has no such tag, blocks."
    )
    profile: Family | None = Field(
        None,
        description="Family of chains whose habits this one has; null is that of its id. Each setting below "
        "whose default is null is a habit, and null means: as the profile has it.",
    )
    verify_header_hash: bool | None = Field(None, description="Recompute the header's hash.")
    verify_bloom: bool | None = Field(None, description="Check the logs bloom against the receipts.")
    log_indexes: LogIndexes | None = Field(
        None,
        description="How the chain counts logs: through the block from 0, in each transaction, or from 1.",
    )
    verify_gas_used: bool | None = Field(
        None, description="Check that the gas of receipts adds up, to the header's in the end."
    )
    verify_traces: bool | None = Field(
        None, description="Check that every transaction has traces, where they are asked for."
    )
    block_receipt: bool | None = Field(
        None,
        description="Ask eth_getBlockReceipt for the logs that a block has outside of its transactions.",
    )
    created_by_calls: bool | None = Field(
        None,
        description="Calls create contracts, too, or addresses are made otherwise: as contractAddress says.",
    )
    roots: tuple[Root, ...] | None = Field(
        None, description="Which roots the chain makes as Ethereum does, of those that verify_roots checks."
    )
    exemptions: tuple[Exemption, ...] | None = Field(
        None,
        description="What its blocks are exempt from, none or some of those in docs/chains.md.",
    )
    receipt_types: tuple[int, ...] | None = Field(
        None,
        description="Numbers of the chain's own transaction types with receipts encoded as Ethereum's.",
    )
    byzantium_block: int | None = Field(
        None,
        ge=0,
        description="First block whose receipts have a status in place of the state's root (EIP-658).",
    )
    verify_roots: VerifyRoots = Field(
        "head",
        description="Recompute the roots of transactions, receipts and withdrawals: of no block, of one in "
        "16 (sampled), of all, or of all at the head and one in 16 while catching up (head).",
    )
    finality: Finality | None = Field(
        None,
        description="What is final: the node's tags, a depth, or a depth where no node knows the tags.",
    )
    traces: Literal["off", "callTracer", "trace_block"] = Field(
        "off", description="Which tracing call to make."
    )

    @field_validator("rpc", "ws", "roots", "exemptions", "receipt_types", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _parts(value)


class StageSettings(Section):
    """The stream workers."""

    max_bad_ratio: float = Field(
        0.2, ge=0, le=1, description="Share of events in the dead letters above which a worker stops."
    )
    refuse_blocks: tuple[RefusedBlock, ...] = Field(
        (), description="For tests: blocks that a stage refuses, each as stage:number or stage:0xhash."
    )

    @field_validator("refuse_blocks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _parts(value)


class AlertSettings(Section):
    """Bounds of what rules may cost the alert stage."""

    max_groups: int = Field(10_000, ge=1, description="Groups that a rule counts for at a time.")
    max_unindexed: int = Field(
        50,
        ge=0,
        description="Rules in force that are tried with every transaction, log, transfer or creation.",
    )
    max_elements: int = Field(
        100,
        ge=1,
        le=10_000,
        description="Elements of a list that all, exists, map or filter in a condition goes over. A rule is "
        "refused where so many could take too long.",
    )


class SinkSettings(Section):
    """The ClickHouse sink."""

    batch_rows: int = Field(100_000, ge=1, description="Rows that make an insert.")
    batch_seconds: float = Field(1.0, gt=0, description="Age at which a smaller batch goes in, seconds.")
    buffer_messages: int = Field(400_000, ge=1_000, description="Messages held in memory at most.")
    max_bad_ratio: float = Field(
        0.2, ge=0, le=1, description="Share of bad rows in a batch, or of late, above which the sink stops."
    )
    stall_seconds: float = Field(
        120.0,
        gt=0,
        description="Time without a message although some wait and nothing holds them up, after which the "
        "sink ends to be started again, seconds.",
    )
    move_settled: bool = Field(
        True,
        description="Move rows of settled blocks into tables of their own. Set false while a sink of a "
        "version before these tables still runs, or could be rolled back to.",
    )


class DeliverySettings(Section):
    """The delivery of alerts."""

    allow_private: bool = Field(
        False, description="Call plain HTTP and private addresses too; else HTTPS to public ones only."
    )
    proxy: SecretStr | None = Field(
        None, description="HTTP proxy of all calls, which then decides what may be called; null: none."
    )
    timeout_seconds: float = Field(10.0, gt=0, le=300, description="Time an attempt may take, seconds.")
    first_pause_seconds: float = Field(
        1.0, gt=0, description="Ceiling of the pause before the second attempt, seconds; it doubles."
    )
    longest_pause_seconds: float = Field(
        900.0, gt=0, description="Highest ceiling of the pause between two attempts, seconds."
    )
    circuit_failures: int = Field(
        5, ge=1, description="Failed attempts in a row after which a channel is only probed."
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
    stages: StageSettings = Field(default_factory=StageSettings, description="The stream workers.")
    alerts: AlertSettings = Field(default_factory=AlertSettings, description="Alerts.")
    sink: SinkSettings = Field(default_factory=SinkSettings, description="The sink.")
    delivery: DeliverySettings = Field(
        default_factory=DeliverySettings, description="The delivery of alerts."
    )

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
