"""What the parts of a cluster are told: certificates, configurations, cgroups, the broker's listeners."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox.services.kafka import Broker
from tests.cluster import control_plane, node, services
from tests.cluster.enclosure import ADDRESS, BRIDGE, SUBNET, hierarchies


def test_certificates_are_of_one_authority_and_name_who_asks(tmp_path: Path) -> None:
    files = control_plane.make_certificates(tmp_path)
    (authority,) = x509.load_pem_x509_certificates(files.ca.read_bytes())
    for path, name, group in (
        (files.asking, "asking", "system:masters"),
        (files.passing, "passing", None),
        (files.keda / "tls.crt", "keda", None),
    ):
        (found,) = x509.load_pem_x509_certificates(path.read_bytes())
        found.verify_directly_issued_by(authority)
        names = [str(each.value) for each in found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        assert names == [name]
        groups = [str(each.value) for each in found.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
        assert (group in groups) if group else "system:masters" not in groups
    assert (files.keda / "ca.crt").read_bytes() == files.ca.read_bytes()


def test_pods_share_a_subnet_with_the_bridge_but_not_its_address(tmp_path: Path) -> None:
    (bridge,) = node.network(tmp_path)["plugins"]
    (((given,),),) = (bridge["ipam"]["ranges"],)
    subnet = ipaddress.IPv4Network(given["subnet"])
    assert bridge["bridge"] == BRIDGE
    assert given["subnet"] == SUBNET
    assert ipaddress.IPv4Address(ADDRESS) in subnet
    assert ipaddress.IPv4Address(given["rangeStart"]) > ipaddress.IPv4Address(ADDRESS)
    assert subnet.is_private
    assert bridge["ipMasq"] is False


def test_the_kubelet_stays_in_its_group_and_writes_below_the_run(tmp_path: Path) -> None:
    told = node.kubelet(
        tmp_path, tmp_path / "logs", tmp_path / "c.sock", "/headwater-cluster-1", tmp_path / "ca"
    )
    assert told["cgroupRoot"] == "/headwater-cluster-1"
    assert told["address"] == ADDRESS
    for name in ("podLogsDir", "resolvConf", "volumePluginDir"):
        assert str(told[name]).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\nproc /proc proc rw 0 0", ["/sys/fs/cgroup"]),
        (
            "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
            "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0",
            ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"],
        ),
    ],
)
def test_cgroups_are_where_they_are_mounted(mounts: str, found: list[str]) -> None:
    assert [str(path) for path in hierarchies(mounts)] == found


def test_pods_are_told_an_address_that_they_reach(tmp_path: Path) -> None:
    told = services.properties(Broker(1, services.KAFKA, 19094, tmp_path))
    pods = f"PODS://{ADDRESS}:{services.KAFKA_PODS}"
    assert pods in told["listeners"].split(",")
    assert pods in told["advertised.listeners"].split(",")
    assert "PODS:PLAINTEXT" in told["listener.security.protocol.map"].split(",")
