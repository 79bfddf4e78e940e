"""Prometheus and Alertmanager as supervised parts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from headwater.errors import Fatal
from sandbox.observing.configuration import LOOKBACK_SECONDS
from sandbox.services.probes import http_get
from sandbox.supervisor.process import Command
from sandbox.supervisor.supervisor import Part

PROMETHEUS: Final = "prometheus"
ALERTMANAGER: Final = "alertmanager"
# Debian calls it so, since it knows another program of the shorter name.
_NAMES: Final = {PROMETHEUS: ("prometheus",), ALERTMANAGER: ("prometheus-alertmanager", "alertmanager")}
_RANK: Final = 50  # behind everything that it scrapes
_KEPT: Final = ("--storage.tsdb.retention.time=1d", "--storage.tsdb.retention.size=256MB")


@dataclass(frozen=True, slots=True)
class Observers:
    """The two programs, the ports that they are to have, and how many times as fast the rules are."""

    prometheus: str
    alertmanager: str
    prometheus_port: int
    alertmanager_port: int
    time_lapse: float = 1

    def parts(self, folder: Path, logs: Path, needs: tuple[str, ...]) -> tuple[Part, ...]:
        """Both, over the files that `configuration.write` put into `folder`."""
        return (
            _part(
                ALERTMANAGER,
                self.alertmanager_port,
                (
                    self.alertmanager,
                    f"--config.file={folder / 'alertmanager.yaml'}",
                    f"--storage.path={folder / 'alertmanager'}",
                    f"--web.listen-address=127.0.0.1:{self.alertmanager_port}",
                    "--cluster.listen-address=",  # one alone
                ),
                logs,
                needs,
            ),
            _part(
                PROMETHEUS,
                self.prometheus_port,
                (
                    self.prometheus,
                    f"--config.file={folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={folder / 'prometheus'}",
                    f"--web.listen-address=127.0.0.1:{self.prometheus_port}",
                    f"--query.lookback-delta={round(1000 * LOOKBACK_SECONDS / self.time_lapse)}ms",
                    *_KEPT,
                ),
                logs,
                needs,
            ),
        )

    @property
    def addresses(self) -> dict[str, str]:
        """Their pages."""
        return {
            PROMETHEUS: f"http://127.0.0.1:{self.prometheus_port}",
            ALERTMANAGER: f"http://127.0.0.1:{self.alertmanager_port}",
        }


def observers(take: Callable[[str], int], time_lapse: float = 1) -> Observers:
    """Both programs, each with a port that `take` gives by name. Raises Fatal when one is not installed."""
    found = installed()
    return Observers(found[PROMETHEUS], found[ALERTMANAGER], take(PROMETHEUS), take(ALERTMANAGER), time_lapse)


def installed() -> dict[str, str]:
    """Where both programs are. Raises Fatal naming those that are not here and how to get them."""
    found = {name: next(filter(None, map(shutil.which, names)), "") for name, names in _NAMES.items()}
    missing = [name for name, path in found.items() if not path]
    if missing:
        raise Fatal(
            f"--observe needs {' and '.join(missing)}, not found on the PATH",
            remedy="Debian, Ubuntu: apt-get install prometheus prometheus-alertmanager; elsewhere those of "
            "prometheus.io/download; or leave --observe out",
        )
    return found


def _part(name: str, port: int, argv: tuple[str, ...], logs: Path, needs: tuple[str, ...]) -> Part:
    def command() -> Command:
        return Command(name, argv, logs / f"{name}.log", own_settings=True)

    return Part(name, command, partial(_is_ready, port), needs, _RANK)


def _is_ready(port: int) -> bool:
    return http_get(port, "/-/ready")[0] == 200
