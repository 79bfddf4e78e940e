"""What Alertmanager shows, asked again and again."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Final

from headwater.errors import Fatal
from tests.faults.alerts import Sample, firing
from tests.integration.line import pause

LOOK_SECONDS: Final = 0.5
SILENT_SECONDS: Final = 30.0
"""How long it may not answer."""


class Alertmanager:
    """`address` is asked for at each look: a stack that is started again may have another."""

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address

    def look(self) -> Sample:
        """What fires in a moment. Raises Fatal when Alertmanager has not answered for long."""
        until = time.monotonic() + SILENT_SECONDS
        while True:
            pause(LOOK_SECONDS)
            url = f"{self._address()}/api/v2/alerts?active=true&silenced=false&inhibited=false"
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    return Sample(time.monotonic(), firing(json.load(answer)))
            except (OSError, HTTPException) as error:
                if time.monotonic() > until:
                    raise Fatal(
                        f"Alertmanager at {url} does not answer: {error}", remedy="see its log"
                    ) from error
