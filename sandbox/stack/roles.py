"""The pipeline's processes as supervised parts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from sandbox.services.probes import http_get
from sandbox.supervisor.process import Command
from sandbox.supervisor.supervisor import Part
from topics.groups import DELIVER, GROUPS, SINK, Need

# Gates that preparation opens: a need of a process → the gate that it waits at.
GATES = {Need.TOPICS: "topics-applied", Need.SCHEMAS: "schemas-registered", Need.TABLES: "tables-migrated"}


@dataclass(frozen=True, slots=True)
class Role:
    """A process of the pipeline: `rank` orders the stop, so that each drains what the one before sent."""

    name: str
    arguments: tuple[str, ...]
    needs: tuple[Need, ...]
    rank: int


ROLES = (
    Role("listen", ("listen",), (Need.TOPICS, Need.SCHEMAS), 10),
    *(Role(group.name, ("work", group.name), group.needs, 20) for group in GROUPS),
    Role(DELIVER, (DELIVER,), (Need.TOPICS, Need.SCHEMAS), 30),
    Role(SINK, (SINK,), (Need.TOPICS, Need.SCHEMAS, Need.TABLES), 30),
)


def role_parts(
    environment: Mapping[str, str],
    logs: Path,
    metrics_ports: Mapping[str, int],
    *,
    needs: tuple[str, ...],
    own: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> tuple[Part, ...]:
    """Every role that has a port in `metrics_ports`; `needs` are what each waits for besides its own.

    `own`: role → variables of that one alone.
    """

    def part(role: Role) -> Part:
        port = metrics_ports[role.name]

        def command() -> Command:
            return Command(
                role.name,
                (sys.executable, "-m", "headwater", *role.arguments),
                logs / f"{role.name}.log",
                {**environment, **own.get(role.name, {}), "HEADWATER_METRICS_PORT": str(port)},
                own_settings=True,
            )

        return Part(
            role.name,
            command,
            partial(is_ready, port),
            (*needs, *(GATES[need] for need in role.needs)),
            role.rank,
        )

    return tuple(part(role) for role in ROLES if role.name in metrics_ports)


def is_ready(port: int) -> bool:
    """Does the role say of itself that it is ready?"""
    return http_get(port, "/readyz")[0] == 200


def traffic_part(rpc: str, rate: float, seed: int, logs: Path, needs: tuple[str, ...]) -> Part:
    """The traffic generator of the local chain: `rate` transactions a second, drawn from `seed`."""

    def command() -> Command:
        return Command(
            "traffic",
            (
                sys.executable,
                "-m",
                "sandbox.traffic",
                *("--rpc", rpc, "--rate", f"{rate:g}", "--seed", str(seed)),
            ),
            logs / "traffic.log",
        )

    return Part("traffic", command, lambda: True, needs, 0)
