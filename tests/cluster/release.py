"""The chart as it is installed here: its values, and its pods."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from headwater.errors import Fatal
from sandbox.chdb.logins import WRITER
from tests.cluster.control_plane import NAMESPACE
from tests.cluster.enclosure import ADDRESS
from tests.cluster.images import NAME
from tests.cluster.kubernetes import Kubernetes, Resource, is_ready, told
from tests.cluster.processes import Processes
from tests.cluster.services import (
    CHAIN,
    CHAIN_ID,
    CLICKHOUSE,
    FIRST,
    KAFKA_PODS,
    NODE,
    RECEIVER,
    REGISTRY,
    SECRET,
    SECRET_VARIABLE,
)
from tests.helm.chart import CHART

RELEASE: Final = "headwater"
SELECTOR: Final = f"app.kubernetes.io/instance={RELEASE}"
TIMEOUT: Final = "5m"
READY_SECONDS: Final = 300.0
MAX_SINKS: Final = 4
# Messages of a topic for each sink: above what is held back of some blocks, reached within seconds of an
# outage.
LAG: Final = 2_000
Values = dict[str, Any]


def values(version: str, *, scaled: bool = False) -> Values:
    """Those of the release: of every role that can have it one process stands by, or shares the work.

    Requests are small: it all runs on two cores.
    """
    small = {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}}
    sink: Values = {"replicas": 1, **small}
    if scaled:
        sink["autoscaling"] = {
            "mode": "keda",
            "minReplicas": 1,
            "maxReplicas": MAX_SINKS,
            "lagThreshold": LAG,
            "pollingSeconds": 2,
            "scaleDownSeconds": 5,
        }
    return {
        "image": {"repository": NAME, "tag": version, "pullPolicy": "Never"},
        "settings": {
            "kafka": {"bootstrap_servers": f"{ADDRESS}:{KAFKA_PODS}", "replication": 1},
            "registry": {"url": f"http://{ADDRESS}:{REGISTRY}/apis/ccompat/v7"},
            "clickhouse": {"url": f"http://{ADDRESS}:{CLICKHOUSE}"},
            "delivery": {"allow_private": True},
        },
        "secrets": {
            "clickhouse": {"existingSecret": "clickhouse"},
            "channels": {"existingSecret": "channels"},
        },
        "chains": {
            CHAIN: {
                "chainId": CHAIN_ID,
                "rpc": {"existingSecret": "nodes"},
                "settings": {"chain": {"start": str(FIRST)}},
            }
        },
        "roles": {
            "listen": {"replicas": 2, **small},
            "stage": {"replicas": 2, **small},
            "deliver": {"replicas": 2, **small},
            "sink": sink,
        },
        "prepare": small,
        "networkPolicy": {"rpc": {"ports": [NODE]}, "webhooks": {"ports": [RECEIVER]}},
    }


class Release:
    """The release in its namespace, which enforces Pod Security *restricted*."""

    def __init__(self, kubernetes: Kubernetes, processes: Processes, folder: Path) -> None:
        self.kubernetes, self._processes, self._file = kubernetes, processes, folder / "values.json"

    def prepare(self, password: str) -> None:
        """The namespace and the secrets that the chart is told of."""
        self.kubernetes.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": NAMESPACE,
                    "labels": {
                        "pod-security.kubernetes.io/enforce": "restricted",
                        "pod-security.kubernetes.io/enforce-version": "latest",
                    },
                },
            }
        )
        self.kubernetes.apply(
            _secret("clickhouse", username=WRITER, password=password),
            _secret("nodes", rpc=f"http://{ADDRESS}:{NODE}"),
            _secret("channels", **{SECRET_VARIABLE: SECRET}),
        )

    def put(self, verb: str, chosen: Values) -> None:
        """`helm install` or `helm upgrade` with values; returns when Helm says that everything is ready."""
        self._file.write_text(json.dumps(chosen))
        words = (verb, RELEASE, str(CHART), "--values", str(self._file), "--wait", "--timeout", TIMEOUT)
        done = self.kubernetes.tried("helm", *words)
        if done.returncode != 0:
            raise Fatal(f"helm {verb}: {done.stderr.strip()}; {told(self.pods())}")

    def pods(self, role: str = "") -> list[Resource]:
        """The pods of the roles, or of one; not those of jobs and tests."""
        component = f"app.kubernetes.io/component={role}" if role else _ROLES
        return self.kubernetes.items("pods", f"{SELECTOR},{component}")

    def wait_ready(self) -> None:
        """Wait until every workload has as many ready pods as it asks for, and no other."""
        self._processes.until(self._is_ready, "every pod is ready", READY_SECONDS, lambda: told(self.pods()))

    def _is_ready(self) -> bool:
        wanted = sum(each["spec"]["replicas"] for each in self.workloads())
        pods = self.pods()
        return len(pods) == wanted and all(map(is_ready, pods))

    def workloads(self) -> list[Resource]:
        """Deployments and StatefulSets."""
        return self.kubernetes.items("deployments,statefulsets", SELECTOR)

    def replicas(self, role: str) -> int:
        """How many pods a role's workload asks for."""
        (found,) = self.kubernetes.items(
            "deployments,statefulsets", f"{SELECTOR},app.kubernetes.io/component={role}"
        )
        return int(found["spec"]["replicas"])


_ROLES: Final = "app.kubernetes.io/component notin (prepare,test)"


def _secret(name: str, **content: str) -> Resource:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content}
