"""A node: containerd with CNI's bridge, the images, and the kubelet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandbox.supervisor.process import Command
from tests.cluster.control_plane import KUBELET, NODE, Certificates, kubeconfig
from tests.cluster.enclosure import ADDRESS, BRIDGE, SUBNET
from tests.cluster.images import PAUSE_NAME
from tests.cluster.needs import CNI
from tests.cluster.processes import Processes

CONTAINERD: Final = """\
version = 2
root = "{folder}/root"
state = "{folder}/state"
oom_score = 0
[grpc]
  address = "{folder}/c.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{folder}/cni"
"""


def network(folder: Path) -> dict[str, object]:
    """CNI's configuration: pods are on the bridge, which leads nowhere but to this enclosure."""
    ipam = {
        "type": "host-local",
        "dataDir": str(folder / "addresses"),
        # The bridge has the first address.
        "ranges": [[{"subnet": SUBNET, "rangeStart": ADDRESS.rpartition(".")[0] + ".2"}]],
    }
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "ipMasq": False, "ipam": ipam}
    return {"cniVersion": "1.0.0", "name": "headwater", "plugins": [bridge]}


def kubelet(folder: Path, logs: Path, socket: Path, cgroup: str, ca: Path) -> dict[str, object]:
    """The kubelet's configuration."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "port": 26250,
        "readOnlyPort": 0,
        "healthzPort": 26248,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(ca)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{socket}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        # How full the host is, is not this node's business: it says what it needs before it starts.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "localStorageCapacityIsolation": False,
        "podLogsDir": str(logs / "pods"),
        "resolvConf": str(folder / "resolv.conf"),
        "volumePluginDir": str(folder / "plugins"),
        "registerWithTaints": [],
        "syncFrequency": "10s",
    }


def _import(processes: Processes, socket: Path, archives: Sequence[Path]) -> None:
    """Give containerd the images, under the names that the archives have."""
    ctr = ("ctr", "--address", str(socket), "--namespace", "k8s.io", "images")
    for archive in archives:
        command = (*ctr, "import", str(archive))
        processes.finish(Command(f"import {archive.name}", command, processes.logs / "import.log"))


def start(
    processes: Processes,
    kubelet_program: Path,
    folder: Path,
    *,
    archives: Sequence[Path],
    cgroup: str,
    files: Certificates,
) -> None:
    """Start containerd, import the images of archives, start the kubelet, which registers the node."""
    folder.mkdir()
    runtime = folder / "containerd"
    (runtime / "cni").mkdir(parents=True)
    (runtime / "cni" / "10-headwater.conflist").write_text(json.dumps(network(runtime)))
    (runtime / "config.toml").write_text(CONTAINERD.format(folder=runtime, pause=PAUSE_NAME, plugins=CNI))
    socket = runtime / "c.sock"
    processes.start("containerd", "containerd", "--config", str(runtime / "config.toml"))
    processes.until(socket.exists, "containerd listens")
    _import(processes, socket, archives)
    own = folder / "kubelet"
    own.mkdir()
    # There is no cluster DNS: services outside are named by address.
    (own / "resolv.conf").write_text(f"nameserver {ADDRESS}\n")
    configuration = own / "config.json"
    configuration.write_text(json.dumps(kubelet(own, processes.logs, socket, cgroup, files.ca)))
    processes.start(
        "kubelet",
        *(str(kubelet_program), f"--config={configuration}", f"--root-dir={own / 'root'}"),
        f"--kubeconfig={kubeconfig(own / 'kubeconfig.json', KUBELET)}",
        *(f"--hostname-override={NODE}", f"--node-ip={ADDRESS}", f"--cert-dir={own / 'certs'}"),
    )
