"""What is done to the release, in order. Each says what it saw; `proof` holds after each."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Final

from headwater.errors import Fatal
from tests.cluster.activity import works
from tests.cluster.control_plane import NAMESPACE, NODE
from tests.cluster.images import NEW, OLD
from tests.cluster.kubernetes import Kubernetes, Resource, is_ready, role_of
from tests.cluster.processes import Processes
from tests.cluster.release import RELEASE, SELECTOR, Release, values

EVICTED: Final = "normalize"
DRAIN_SECONDS: Final = 40


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps, over one release."""

    release: Release
    kubernetes: Kubernetes
    processes: Processes

    def refuse(self) -> str:
        """The namespace refuses a pod that is not restricted: else it proves nothing that ours are let in."""
        container = {"name": "one", "image": "localhost/pause:1"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "one"},
            "spec": {"containers": [container]},
        }
        done = self.kubernetes.tried(
            "kubectl", "create", "--dry-run=server", "-f", "-", given=json.dumps(pod)
        )
        if done.returncode == 0 or "restricted" not in done.stderr:
            raise Fatal(f"Pod Security does not refuse a pod: {done.stdout}{done.stderr}")
        return "a pod with a default security context is refused"

    def install(self) -> str:
        """`helm install`: three jobs in order, then every role."""
        self.release.put("install", values(OLD))
        jobs = sorted(self.kubernetes.items("jobs"), key=lambda job: str(job["status"]["startTime"]))
        names = [job["metadata"]["name"].rpartition("-")[2] for job in jobs]
        if names != ["topics", "schemas", "tables"]:
            raise Fatal(f"the hooks ran as {names}")
        self.release.wait_ready()
        return f"hooks {', '.join(names)}; {self._count()}"

    def test(self) -> str:
        """`helm test`: the roles' own logins reach everything, and find what they need."""
        self.kubernetes.helm("test", RELEASE, "--timeout", "3m")
        return "topics, schemas and views are there"

    def upgrade(self) -> str:
        """Another image, with more tables and schemas: every pod is replaced while blocks come."""
        before = self._uids()
        self.release.put("upgrade", values(NEW))
        return self._rolled(before, NEW)

    def rollback(self) -> str:
        """And back to the one before, which reads what the second one wrote, and leaves its tables."""
        before = self._uids()
        self.kubernetes.helm("rollback", RELEASE, "--wait", "--timeout", "5m")
        return self._rolled(before, OLD)

    def evict(self) -> str:
        """The one of two that works may be evicted, and the other not before it is back, under its name."""
        second, first = sorted(self.release.pods(EVICTED), key=works)
        if (rejection := self._evict(first)) is not None:
            raise Fatal(f"the first eviction is refused: {rejection}")
        rejection = self._evict(second)
        if rejection is None or "disruption budget" not in rejection:
            raise Fatal(f"the second eviction is not refused by the disruption budget: {rejection}")
        name, uid = first["metadata"]["name"], first["metadata"]["uid"]
        self.processes.until(lambda: self._is_back(name, uid), f"{name} is back")
        self.release.wait_ready()
        return f"{name} evicted and back, {second['metadata']['name']} kept by its budget"

    def drain(self) -> str:
        """The only node is drained: what has a standby keeps one pod, the rest leaves and comes back."""
        before = self._uids()
        options = ("--delete-emptydir-data", f"--pod-selector={SELECTOR}", f"--timeout={DRAIN_SECONDS}s")
        try:
            done = self.kubernetes.tried("kubectl", "drain", NODE, *options)
            left = [pod for pod in self.release.pods() if pod["metadata"]["uid"] in before and is_ready(pod)]
            kept = Counter(map(role_of, left))
        finally:
            self.kubernetes.kubectl("uncordon", NODE)
        if done.returncode == 0 or "disruption budget" not in done.stderr:
            raise Fatal(f"the drain is not held up by disruption budgets: {done.stderr[-2000:]}")
        several = {role_of(each) for each in self.release.workloads() if each["spec"]["replicas"] > 1}
        if kept != Counter(several):
            raise Fatal(
                f"after the drain there are {dict(kept)}, and one each of {sorted(several)} should be"
            )
        self.release.wait_ready()
        return f"one each kept of {', '.join(sorted(several))}; {self._count()} again"

    def kill(self) -> str:
        """One pod of each role is gone without a word, all at the same time: of a pair the one that works."""
        pods = sorted(self.release.pods(), key=works)
        chosen = {role_of(pod): str(pod["metadata"]["name"]) for pod in pods}
        active = sum(map(works, pods))
        before = self._uids()
        words = ("delete", "pod", *chosen.values(), "--grace-period=0", "--force")
        self.kubernetes.kubectl(*words)
        self.processes.until(lambda: len(before & self._uids()) <= len(before) - len(chosen), "they are gone")
        self.release.wait_ready()
        return f"{len(chosen)} pods, one of each role, the {active} that had a stage or the lead among them"

    def _evict(self, pod: Resource) -> str | None:
        """None when it is granted, else why not."""
        name = pod["metadata"]["name"]
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": NAMESPACE},
        }
        path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/eviction"
        done = self.kubernetes.tried("kubectl", "create", "--raw", path, "-f", "-", given=json.dumps(body))
        return None if done.returncode == 0 else done.stderr.strip()

    def _is_back(self, name: str, uid: str) -> bool:
        found = [pod for pod in self.release.pods(EVICTED) if pod["metadata"]["name"] == name]
        return bool(found) and found[0]["metadata"]["uid"] != uid and is_ready(found[0])

    def _rolled(self, before: set[str], version: str) -> str:
        self.release.wait_ready()
        if kept := before & self._uids():
            raise Fatal(f"{len(kept)} pods were not replaced")
        images = {
            each["image"].rpartition(":")[2]
            for pod in self.release.pods()
            for each in pod["spec"]["containers"]
        }
        if images != {version}:
            raise Fatal(f"pods run {sorted(images)}, and not {version}")
        return f"{len(before)} pods replaced"

    def _uids(self) -> set[str]:
        return {str(pod["metadata"]["uid"]) for pod in self.release.pods()}

    def _count(self) -> str:
        return f"{len(self.release.pods())} pods are ready"
