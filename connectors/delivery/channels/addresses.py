"""Which addresses may be called: the public ones, by a list of our own.

Python's `is_global` follows IANA's registries, where 64:ff9b::/96 and 2002::/16 are global although they lead
to any IPv4 address behind a translator or a 6to4 relay, and it knows no cloud's metadata service.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

# IANA's special-purpose registry (RFC 6890 and what updates it), multicast, and services of clouds.
_DENIED_4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network (RFC 791)
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # carrier-grade NAT (RFC 6598), Alibaba's metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's host
            "169.254.0.0/16",  # link local, metadata of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # IETF protocol assignments, Oracle's metadata at 192.0.0.192
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
# All that IANA has given out for unicast; local, link-local, multicast and discarded addresses lie outside.
_UNICAST_6: Final = IPv6Network("2000::/3")
_DENIED_6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocol assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
# Where an IPv6 address carries the IPv4 address that it leads to: the prefix, and the bits behind it.
_CARRIERS: Final = (
    (IPv6Network("::/96"), 0),  # IPv4-compatible
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated (RFC 2765)
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (IPv6Network("2002::/16"), 80),  # 6to4 (RFC 3056)
)


def is_public(address: str) -> bool:
    """May it be called? False too for what is not an address; a zone (`%eth0`) makes it a local one."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv4Address):
        return _is_public_4(found)
    if found.scope_id is not None or any(found in network for network in _DENIED_6):
        return False
    carried = _carried(found)
    return (bool(carried) or found in _UNICAST_6) and all(_is_public_4(each) for each in carried)


def _carried(address: IPv6Address) -> list[IPv4Address]:
    return [
        IPv4Address(int(address) >> bits & 0xFFFFFFFF) for network, bits in _CARRIERS if address in network
    ]


def _is_public_4(address: IPv4Address) -> bool:
    return not any(address in network for network in _DENIED_4)
