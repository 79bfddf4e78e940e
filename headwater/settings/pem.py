"""Are PEM files what the settings say they are? Asked at start, where the answer can name the setting."""

from __future__ import annotations

import ssl
from pathlib import Path


def certificates_problem(path: Path) -> str:
    """What keeps a readable file from being used as certificates, empty when nothing does."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        return f"{path} holds no certificates in PEM form ({error})"
    return ""


def key_problem(certificate: Path, key: Path, password: str | None) -> str:
    """What keeps a readable key from being used with a good certificate, empty when nothing does."""
    asked = False

    def answer() -> str:
        nonlocal asked
        asked = True
        # Without an answer of ours, OpenSSL would ask the terminal.
        return password or ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, answer)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return f"{key} is not the key of the certificate in {certificate}"
        if asked:
            return f"{key} is encrypted, and ssl_key_password " + (
                "is not set" if not password else "is wrong"
            )
        return f"{key} holds no private key in PEM form ({error})"
    return ""
