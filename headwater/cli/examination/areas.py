"""Asks each service what the examination needs. Reads only."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, cast

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, ResourceType

from connectors.clickhouse.client import answering, connect
from connectors.clickhouse.migrations import runner
from connectors.evm.rpc import chain_id as chain_ids
from connectors.evm.rpc import once
from connectors.evm.rpc.answers import NodeFailure, Unsupported
from headwater import clock, kafka
from headwater.cli.examination import brokers, catalogue, machine, node, tables
from headwater.cli.examination.finding import Finding, examined
from headwater.digits import quantity
from headwater.settings import Settings, chain_id_of, mask_url
from headwater.settings.profiles import profile_of
from schemas import streams
from schemas.catalog import schema_of
from schemas.client import RegistryClient
from schemas.registry import Registry, canonical
from topics import admin
from topics.catalog import wanted

SECONDS: Final = 10.0
_STEP_SECONDS: Final = 0.05
_VERSIONS: Final = ("metadata.version", "inter.broker.protocol.version")
Examine = Callable[[], Iterable[Finding]]


def areas(settings: Settings) -> Mapping[str, Examine]:
    """Area → its examination, in the order in which one depends on another."""
    return {
        machine.SETTINGS: lambda: machine.settings(settings),
        brokers.AREA: lambda: brokers.judged(_cluster(settings), settings.kafka.replication),
        catalogue.TOPICS: lambda: catalogue.topics(admin.plan(settings), len(wanted(settings))),
        catalogue.SCHEMAS: lambda: _schemas(settings),
        node.AREA: lambda: _nodes(settings),
        tables.AREA: lambda: _clickhouse(settings),
        tables.DISK: lambda: [_data_dir(settings)],
    }


def _cluster(settings: Settings) -> brokers.Cluster:
    client = kafka.admin(settings)

    def listed(seconds: float) -> ClusterMetadata:
        return client.list_topics(timeout=seconds)

    try:
        found = kafka.ask(client, listed, timeout=SECONDS)
    except KafkaException as error:
        raise kafka.away(settings, error.args[0]) from error
    catalogue = wanted(settings)
    copies = {
        f"{name}[{number}]": brokers.Copies(
            each.leader if each.leader >= 0 else None, len(each.replicas), len(each.isrs)
        )
        for name, topic in found.topics.items()
        if name in catalogue
        for number, each in topic.partitions.items()
    }
    return brokers.Cluster(sorted(found.brokers), _version(client, min(found.brokers)), copies)


def _version(client: AdminClient, broker: int) -> str:
    """What a broker says of its version; "" where the user may not ask it."""
    resource = ConfigResource(ResourceType.BROKER, str(broker))
    (future,) = client.describe_configs([resource], request_timeout=SECONDS).values()
    while not future.done():
        client.poll(_STEP_SECONDS)  # raises Fatal when the brokers reject us
    try:
        entries: Mapping[str, Any] = future.result()
    except KafkaException:
        return ""
    return next((f"{name} {entries[name].value}" for name in _VERSIONS if name in entries), "")


def _schemas(settings: Settings) -> Iterator[Finding]:
    client = RegistryClient(settings.registry)
    registry = Registry(settings, client)
    subjects = {stream: registry.subject(stream) for stream in streams()}
    missing = [
        stream
        for stream, subject in subjects.items()
        if client.lookup(subject, canonical(schema_of(stream))) is None
    ]
    refused = {
        subjects[stream]: reasons for stream in missing if (reasons := registry.incompatibilities(stream))
    }
    yield from catalogue.schemas([subjects[each] for each in missing], refused, len(subjects))


def _nodes(settings: Settings) -> Iterator[Finding]:
    """One that cannot be asked hides nothing of the others."""
    chains: list[tuple[str, int]] = []
    for address in settings.chain.rpc:
        yield from examined(node.AREA, partial(_judged, settings, address.get_secret_value(), chains))
    yield from node.together(chains)


def _judged(settings: Settings, url: str, chains: list[tuple[str, int]]) -> Iterator[Finding]:
    """Adds the node's chain to `chains`."""
    found = _node(url)
    chains.append((found.address, found.chain_id))
    yield from node.judged(
        found,
        chain_id=chain_id_of(settings.chain.chain_id, settings.chain.name),
        stale_seconds=settings.chain.stale_head_seconds,
        needs_tags=profile_of(found.chain_id, settings.chain).finality == "tags",
    )
    yield from machine.head_is_early(found.address, found.age, node.EARLY_SECONDS)


def _node(url: str) -> node.Node:
    """Raises NodeFailure, a Transient."""
    shown = mask_url(url)
    number = chain_ids.ask(url, seconds=SECONDS)
    head = _block(url, "latest")
    if head is None:
        raise NodeFailure(shown, "has no block yet", "broken")
    height, mined = head
    tags = frozenset(tag for tag in ("safe", "finalized") if _known(url, tag))
    return node.Node(shown, number, height, clock.now_ms() / 1000 - mined, tags)


def _known(url: str, tag: str) -> bool:
    try:
        return _block(url, tag) is not None
    except (NodeFailure, Unsupported):
        return False  # Some say in words that there is none yet; the node itself has answered before.


def _block(url: str, tag: str) -> tuple[int, int] | None:
    """Height and timestamp in seconds of a block; None where the node has none."""
    answer = once.ask(url, "eth_getBlockByNumber", tag, False, seconds=SECONDS)
    if answer is None:
        return None
    fields = answer if isinstance(answer, dict) else {}
    height, mined = (quantity(fields.get(name), 63) for name in ("number", "timestamp"))
    if height is None or mined is None:
        raise NodeFailure(mask_url(url), f"block {tag} without number or timestamp", "broken")
    return height, mined


def _clickhouse(settings: Settings) -> Iterator[Finding]:
    chain_id = chain_id_of(settings.chain.chain_id, settings.chain.name)
    with answering(settings.clickhouse):
        client = connect(settings.clickhouse, database="", timeout_seconds=int(SECONDS))
        try:
            due = [each.migration for each in runner.plan(client, settings, chain_id)]
            ahead = runner.newer(client, settings)
            lacking = [] if due or ahead else runner.lacking(client, settings, chain_id)
            asked = clock.now_ms()
            ((theirs,),) = client.query("SELECT toUnixTimestamp64Milli(now64(3, 'UTC'))").result_rows
            answered = clock.now_ms()
            disks = client.query("SELECT name, free_space, total_space FROM system.disks").result_rows
        finally:
            client.close()
    yield from tables.judged([f"{each.version:04} {each.name}" for each in due], ahead, lacking)
    yield machine.skew("ClickHouse", asked, answered, cast(int, theirs))
    for name, free, total in disks:
        yield tables.room(f"ClickHouse's disk {name}", cast(int, free), cast(int, total))


def _data_dir(settings: Settings) -> Finding:
    """The folder, or the nearest one above it that is there."""
    folder = settings.data_dir.absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    usage = shutil.disk_usage(existing)
    return tables.room(f"data_dir {folder}", usage.free, usage.total)
