"""`python -m tests.cluster.inside FOLDER CGROUP [--without-keda]`: the run, inside its enclosure.

Whatever is started in here ends with it. Not to be called by hand: `make cluster` makes the enclosure.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from headwater.errors import HeadwaterError
from sandbox.downloads.progress import LineProgress
from sandbox.stack.services import fetch_programs
from tests.cluster import builds, control_plane, enclosure, images, keda, node, second_version, services
from tests.cluster.alerting import Alerting
from tests.cluster.kubernetes import Kubernetes, is_ready
from tests.cluster.processes import Processes
from tests.cluster.proof import Proof
from tests.cluster.release import Release
from tests.cluster.report import Report
from tests.cluster.steps import Steps
from tests.helm import toolbox

INTERRUPTED: Final = 130


def main(folder: Path, cgroup: str, *, scaled: bool) -> int:
    """Exit code 0 when every step was done and every proof held; 1 with what failed; 130 after Ctrl-C."""
    enclosure.become_first()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    enclosure.furnish()
    cluster = Cluster(folder, cgroup)
    try:
        _run(cluster, scaled=scaled)
    except KeyboardInterrupt:
        print("make cluster: interrupted", file=sys.stderr)
        return INTERRUPTED
    except HeadwaterError as error:
        print(f"make cluster: {error}", file=sys.stderr)
        cluster.describe()
        return 1
    return 0


class Cluster:
    """Control plane and node. Each of the methods is a step of the report."""

    def __init__(self, folder: Path, cgroup: str) -> None:
        self.folder, self._cgroup = folder, cgroup
        self.processes = Processes(folder / "logs")
        self.report = Report(folder / "report.json")
        self._files = control_plane.make_certificates(folder / "certificates")
        self._kube = builds.built(builds.KUBE)
        self._admin = folder / "control-plane" / "admin.json"
        self.kubernetes = Kubernetes(toolbox.kubectl(), toolbox.helm(), self._admin, folder)

    def start_control_plane(self) -> str:
        """From nothing: no data of a run before is kept."""
        control_plane.start(self.processes, self._kube / "kube", self._admin.parent, self._files)
        return f"Kubernetes {builds.KUBERNETES} is ready"

    def start_node(self) -> str:
        """The only one."""
        node.start(
            self.processes,
            self._kube / "kubelet",
            self.folder / "node",
            archives=[*map(images.archive, images.VERSIONS), images.pause_archive()],
            cgroup=self._cgroup,
            files=self._files,
        )
        self.processes.until(lambda: any(map(is_ready, self.kubernetes.items("nodes"))), "the node is ready")
        return "containerd and kubelet run, the images are imported"

    def describe(self) -> None:
        """Write down what Kubernetes knows, among the logs, as far as it still says it."""
        for words in (("get", "events,all", "-o", "wide"), ("describe", "all,hpa,nodes")):
            done = self.kubernetes.tried("kubectl", *words)
            path = self.processes.logs / f"kubectl-{words[0]}.txt"
            path.write_text(done.stdout + done.stderr)

    def start_keda(self) -> str:
        """Beside the control plane."""
        scaler = builds.built(builds.KEDA)
        keda.start(self.processes, self.kubernetes, scaler, self._admin, self._files)
        return "operator and adapter answer"


def _run(cluster: Cluster, *, scaled: bool) -> None:
    report, processes = cluster.report, cluster.processes
    report.timed("control plane", cluster.start_control_plane)
    report.timed("node", cluster.start_node)
    programs = fetch_programs(LineProgress(), chain=False)
    with services.running(processes, programs, cluster.folder / "services") as outside:
        release = Release(cluster.kubernetes, processes, cluster.folder)
        release.prepare(outside.password)
        steps = Steps(release, cluster.kubernetes, processes)
        alerting = Alerting(outside, processes)
        proof = Proof(outside, alerting, processes)

        def proved(name: str, work: Callable[[], str]) -> None:
            report.timed(name, work)
            report.timed(f"{name}: proof", proof.holds)

        report.timed("Pod Security", steps.refuse)
        proved("install", steps.install)
        report.timed("helm test", steps.test)
        report.timed("rules", lambda: alerting.apply(cluster.folder))
        proved("upgrade", steps.upgrade)
        report.timed("upgrade: new column", lambda: proof.written(second_version.VALUE))
        proved("rollback", steps.rollback)
        report.timed("rollback: new column", lambda: proof.written(""))
        proved("eviction", steps.evict)
        proved("drain", steps.drain)
        proved("kill", steps.kill)
        if scaled:
            scaling = keda.Scaling(release, processes, outside)
            report.timed("KEDA", cluster.start_keda)
            proved("sink under KEDA", scaling.hand_over)
            proved("sink up", scaling.up)
            proved("sink down", scaling.down)
            proved("upgrade back", scaling.hand_back)
            report.timed("upgrade back: new column", lambda: proof.written(""))
        report.timed("alerts: proof", alerting.proves)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("tests.cluster.inside is for `make cluster` to call")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], scaled="--without-keda" not in sys.argv[3:]))
