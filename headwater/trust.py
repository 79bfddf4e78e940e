"""CAs of an organisation beside the system's: its own services and public receivers are trusted, both."""

from __future__ import annotations

import atexit
import os
import ssl
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from headwater.errors import Fatal

VARIABLE: Final = "HEADWATER_TRUSTED_CA"
_BUNDLE: Final = "SSL_CERT_FILE"


def trust_also(environ: MutableMapping[str, str]) -> None:
    """Have the file that HEADWATER_TRUSTED_CA names trusted beside the system's, by every client but Kafka's.

    Called first of all: OpenSSL's own variable is the one thing that all of them take their CAs from, and
    aiohttp looks at it when it is imported. That variable replaces the system's file, hence a file of both
    for the life of this process. Raises Fatal where the file cannot be read as certificates.
    """
    named = environ.get(VARIABLE, "")
    if not named:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=named)
        added = Path(named).read_bytes()
    except OSError as error:
        raise Fatal(
            f"cannot read certificates from {named}: {error.strerror or error}",
            remedy=f"{VARIABLE} names a PEM file of CAs",
        ) from error
    system = Path(environ.get(_BUNDLE) or ssl.get_default_verify_paths().openssl_cafile)
    try:
        descriptor, bundle = tempfile.mkstemp(prefix="headwater-ca-", suffix=".pem")
        with os.fdopen(descriptor, "wb") as file:
            # Where the system has a directory instead of a file, OpenSSL goes on to look there.
            file.write(system.read_bytes() + b"\n" if system.is_file() else b"")
            file.write(added)
    except OSError as error:
        raise Fatal(
            f"cannot write the CAs of {VARIABLE} beside the system's: {error.strerror or error}",
            remedy="give the process a directory for temporary files (TMPDIR) that it may write to",
        ) from error
    atexit.register(Path(bundle).unlink, missing_ok=True)
    environ[_BUNDLE] = bundle
