"""The files of a certificate authority made for one run, all PEM."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

KEY_PASSWORD = "a key's secret"


@dataclass(frozen=True, slots=True)
class Certificates:
    """`server` is certificate and key in one file, for 127.0.0.1 and no name.

    `ca` signed it and `client`, the CA `stranger` signed `foreign`. `locked_key` is `client_key`, encrypted
    with KEY_PASSWORD.
    """

    ca: Path
    stranger: Path
    server: Path
    client: Path
    client_key: Path
    locked_key: Path
    foreign: Path
    foreign_key: Path


def make(directory: Path, client_name: str = "headwater") -> Certificates:
    """Make the files in an existing directory."""

    def written(name: str, content: bytes) -> Path:
        path = directory / name
        path.write_bytes(content)
        return path

    ours, theirs = trustme.CA(), trustme.CA()
    server = ours.issue_cert("127.0.0.1")
    client = ours.issue_cert(client_name, common_name=client_name)
    foreign = theirs.issue_cert(client_name, common_name=client_name)
    return Certificates(
        ca=written("ca.pem", ours.cert_pem.bytes()),
        stranger=written("stranger.pem", theirs.cert_pem.bytes()),
        server=written("server.pem", _key(server) + _chain(server)),
        client=written("client.pem", _chain(client)),
        client_key=written("client-key.pem", _key(client)),
        locked_key=written("client-key-locked.pem", _key(client, KEY_PASSWORD)),
        foreign=written("foreign.pem", _chain(foreign)),
        foreign_key=written("foreign-key.pem", _key(foreign)),
    )


def _chain(leaf: trustme.LeafCert) -> bytes:
    return b"".join(each.bytes() for each in leaf.cert_chain_pems)


def _key(leaf: trustme.LeafCert, password: str = "") -> bytes:
    # PKCS#8 is the one form that Kafka reads.
    lock = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
