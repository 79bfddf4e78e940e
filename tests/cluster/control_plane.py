"""etcd, API server, controller manager and scheduler, on loopback; their certificates and tokens."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from tests.cluster.enclosure import ADDRESS
from tests.cluster.processes import Processes

ETCD: Final = "http://127.0.0.1:22379"
API: Final = "https://127.0.0.1:26443"
ADMIN: Final = "admin-token"
KUBELET: Final = "kubelet-token"
NODE: Final = "headwater"
NAMESPACE: Final = "headwater"
TOKENS: Final = f"{ADMIN},admin,1,system:masters\n{KUBELET},system:node:{NODE},2,system:nodes\n"


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files. `ca` signed the others: of the API server when it asks a kubelet (`asking`) or passes a
    question on (`passing`), of KEDA in the folder `keda`. `accounts` signs the tokens of service accounts."""

    ca: Path
    asking: Path
    passing: Path
    accounts: Path
    keda: Path


def make_certificates(folder: Path) -> Certificates:
    """All of them; certificate and key in one file each but KEDA's, whose names it fixes."""
    ca, keda = trustme.CA(), folder / "keda"
    keda.mkdir(parents=True)
    paths = {name: folder / f"{name}.pem" for name in ("asking", "passing", "accounts")}
    groups = {"asking": "system:masters"}
    for name, path in paths.items():
        made = ca.issue_cert("localhost", common_name=name, organization_name=groups.get(name))
        content = made.private_key_pem.bytes()
        if name != "accounts":
            content += made.cert_chain_pems[0].bytes()
        path.write_bytes(content)
    own = ca.issue_cert("localhost", "127.0.0.1", common_name="keda")
    (keda / "tls.key").write_bytes(own.private_key_pem.bytes())
    (keda / "tls.crt").write_bytes(own.cert_chain_pems[0].bytes())
    for path in (keda / "ca.crt", folder / "ca.pem"):
        path.write_bytes(ca.cert_pem.bytes())
    return Certificates(folder / "ca.pem", paths["asking"], paths["passing"], paths["accounts"], keda)


def kubeconfig(path: Path, token: str) -> Path:
    """A client's configuration, in the release's namespace unless it names another.

    The API server makes its certificate for this run: nobody looks at it.
    """
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": API, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": NAMESPACE}}],
        "current-context": "here",
    }
    path.write_text(json.dumps(content))
    return path


def start(processes: Processes, kube: Path, folder: Path, files: Certificates) -> Path:
    """Start them; the administrator's kubeconfig. Returns when the API server says that it is ready."""
    folder.mkdir()
    admin = kubeconfig(folder / "admin.json", ADMIN)
    (folder / "tokens.csv").write_text(TOKENS)
    _etcd(processes, kube, folder)
    processes.start("kube-apiserver", str(kube), "kube-apiserver", *_api_options(folder, files))
    processes.until(ready, "the API server is ready")
    common = (
        f"--kubeconfig={admin}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / 'certs'}",
    )
    processes.start(
        "kube-controller-manager",
        *(str(kube), "kube-controller-manager", *common, "--secure-port=26257"),
        f"--service-account-private-key-file={files.accounts}",
        "--use-service-account-credentials",
        "--horizontal-pod-autoscaler-sync-period=2s",
    )
    processes.start("kube-scheduler", str(kube), "kube-scheduler", *common, "--secure-port=26259")
    return admin


def _etcd(processes: Processes, kube: Path, folder: Path) -> None:
    peers = "http://127.0.0.1:22380"
    processes.start(
        "etcd",
        *(str(kube), "etcd", f"--data-dir={folder / 'etcd'}", "--log-level=warn"),
        # The data is gone with the run: nothing is asked of the disk.
        "--unsafe-no-fsync",
        *(f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}"),
        *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
        f"--initial-cluster=default={peers}",
    )


def _api_options(folder: Path, files: Certificates) -> list[str]:
    return [
        f"--etcd-servers={ETCD}",
        *("--bind-address=127.0.0.1", "--secure-port=26443", f"--cert-dir={folder / 'certs'}"),
        # Nobody connects to it: pods have no token, and there is no service of the API.
        *(f"--advertise-address={ADDRESS}", "--endpoint-reconciler-type=none"),
        "--service-cluster-ip-range=10.99.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={files.accounts}",
        f"--service-account-signing-key-file={files.accounts}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        *("--authorization-mode=Node,RBAC", "--allow-privileged=true"),
        f"--kubelet-client-certificate={files.asking}",
        f"--kubelet-client-key={files.asking}",
        # Names of nodes resolve nowhere.
        "--kubelet-preferred-address-types=InternalIP",
        # How it passes questions on to KEDA's adapter.
        "--enable-aggregator-routing=false",
        f"--requestheader-client-ca-file={files.ca}",
        "--requestheader-allowed-names=passing",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={files.passing}",
        f"--proxy-client-key-file={files.passing}",
    ]


def ready() -> bool:
    """Does the API server say that it is ready?"""
    request = urllib.request.Request(f"{API}/readyz", headers={"Authorization": f"Bearer {ADMIN}"})
    try:
        with urllib.request.urlopen(request, timeout=2, context=ssl._create_unverified_context()) as answer:
            return bool(answer.read() == b"ok")
    except (OSError, urllib.error.URLError):
        return False
