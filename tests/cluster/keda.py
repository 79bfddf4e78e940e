"""KEDA as plain processes: the operator, and the adapter that answers the autoscaler. They scale the sink."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.cluster.control_plane import Certificates
from tests.cluster.images import NEW, OLD
from tests.cluster.kubernetes import Kubernetes, Resource
from tests.cluster.processes import Processes
from tests.cluster.release import LAG, MAX_SINKS, Release, values
from tests.cluster.services import Services

OWN: Final = "keda"
PORT: Final = 26444
ANSWERS: Final = "127.0.0.1:29666"
UP_SECONDS: Final = 120.0
DOWN_SECONDS: Final = 240.0


def start(
    processes: Processes, kubernetes: Kubernetes, built: Path, kubeconfig: Path, files: Certificates
) -> None:
    """Definitions, operator, adapter, and the API that the autoscaler asks; returns when it answers."""
    definitions = [yaml.safe_load(path.read_text()) for path in sorted((built / "bases").glob("*.yaml"))]
    kubernetes.apply(*definitions, *resources())
    kubernetes.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "KEDA_CLUSTER_OBJECT_NAMESPACE": OWN,
        "POD_NAMESPACE": OWN,
        "POD_NAME": "keda-operator",
        "WATCH_NAMESPACE": "",
        "KEDA_HTTP_DEFAULT_TIMEOUT": "3000",
    }
    certificates = f"--cert-dir={files.keda}"
    processes.start(
        "keda-operator",
        *(str(built / "operator"), certificates),
        *("--metrics-bind-address=127.0.0.1:28080", "--health-probe-bind-address=127.0.0.1:28081"),
        f"--metrics-service-bind-address={ANSWERS}",
        *("--enable-webhook-patching=false", "--enable-apiservice-patching=false"),
        *("--zap-log-level=info", "--zap-encoder=console"),
        environment=environment,
    )
    processes.start(
        "keda-adapter",
        *(str(built / "adapter"), certificates, f"--secure-port={PORT}", "--bind-address=127.0.0.1"),
        *("--port=28082", f"--metrics-service-address=localhost:{ANSWERS.rpartition(':')[2]}"),
        f"--client-ca-file={files.ca}",
        *(f"--{use}-kubeconfig={kubeconfig}" for use in ("authentication", "authorization", "lister")),
        environment=environment,
    )
    processes.until(lambda: _answers(kubernetes), "KEDA's API answers", UP_SECONDS)


def resources() -> list[Resource]:
    """What tells the API server where KEDA's adapter is: on loopback, by a name outside the cluster."""
    metadata = {"name": "keda-operator-metrics-apiserver", "namespace": OWN}
    service = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": PORT}]}
    api = {
        "group": "external.metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"name": metadata["name"], "namespace": OWN, "port": PORT},
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OWN}},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
            "spec": api,
        },
    ]


def _answers(kubernetes: Kubernetes) -> bool:
    done = kubernetes.tried("kubectl", "get", "apiservice", "v1beta1.external.metrics.k8s.io", "-o", "json")
    if done.returncode != 0:
        return False
    conditions = json.loads(done.stdout).get("status", {}).get("conditions", [])
    return any(each["type"] == "Available" and each["status"] == "True" for each in conditions)


@dataclass(frozen=True, slots=True)
class Scaling:
    """The sink between one and four, by the lag that an outage of ClickHouse leaves in Kafka."""

    release: Release
    processes: Processes
    services: Services

    def hand_over(self) -> str:
        """The chart leaves the sink's replicas to KEDA, which keeps one while little waits.

        It is an upgrade to the second version again, whose tables are there since the first one.
        """
        self.release.put("upgrade", values(NEW, scaled=True))
        self.processes.until(self._is_active, "KEDA has taken the sink", UP_SECONDS)
        self.release.wait_ready()
        # The upgrade itself may leave lag, which brings more of them for a while.
        self._until(1, DOWN_SECONDS)
        return f"1 sink, at most {MAX_SINKS} by {LAG} messages each"

    def up(self) -> str:
        """While ClickHouse stands still lag grows, and with it the sink; then all of it is worked off."""
        before = self.release.replicas("sink")
        with self._away():
            self._until(MAX_SINKS, UP_SECONDS)
        self.release.wait_ready()
        return f"{before} to {MAX_SINKS} sinks"

    def down(self) -> str:
        """With the lag gone they leave one by one."""
        self._until(1, DOWN_SECONDS)
        self.release.wait_ready()
        return "1 sink"

    def hand_back(self) -> str:
        """The first version by `helm upgrade`, as Flux goes back: its jobs run over newer tables."""
        self.release.put("upgrade", values(OLD, scaled=True))
        self.release.wait_ready()
        return "jobs of the first version bear tables of the second"

    def _away(self) -> AbstractContextManager[None]:
        return self.services.clickhouse_away()

    def _until(self, wanted: int, seconds: float) -> None:
        self.processes.until(
            lambda: self.release.replicas("sink") == wanted,
            f"the sink has {wanted} replicas",
            seconds,
            self._state,
        )

    def _state(self) -> str:
        found = self.release.kubernetes.items("horizontalpodautoscalers")
        return json.dumps([each.get("status") for each in found])

    def _is_active(self) -> bool:
        found = self.release.kubernetes.items("scaledobjects.keda.sh")
        conditions = [each for item in found for each in item.get("status", {}).get("conditions", [])]
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
