"""Which addresses may be called, those that Python's own list lets through among them."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.delivery.channels.addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1"),
        *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1", "::127.0.0.1", "::ffff:0:10.0.0.1"),
        *("64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::8.8.8.8", "2002:0a00:0001::1"),
        *("2002:7f00:1::", "2001::1", "2606:4700::1111%1"),
        *("1::1", "200::1", "4000::1", "fe00::1", "64:ff9b:0:0:1::1", "::fffe:10.0.0.1"),
        *("", "localhost", "8.8.8.8.example", "0x7f000001", "2130706433", "127.1"),
    ],
)
def test_what_leads_into_a_network_of_somebodys_own_is_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "172.32.0.1", "192.0.1.1", "168.63.129.17", "100.128.0.1", "223.255.255.1"),
        *("2606:4700::1111", "2a00:1450::5", "64:ff9b::8.8.8.8", "2002:0808:0808::1", "::ffff:8.8.8.8"),
    ],
)
def test_public_ones_are_not(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_wherever_it_is_carried(address: IPv4Address) -> None:
    number = int(address)
    forms = (
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
    )
    assert {is_public(form) for form in forms} == {is_public(str(address))}


@given(st.ip_addresses())
@example(ip_address("2002:b00::"))
def test_nothing_is_called_that_python_knows_to_be_private(address: object) -> None:
    found = ip_address(str(address))
    # These stand for an IPv4 address, which decides; releases of Python differ about them.
    stands_for_another = str(found).startswith(("64:ff9b", "2002:"))
    assert not (is_public(str(found)) and found.is_private and not stands_for_another)
