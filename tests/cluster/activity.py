"""Which of a pair of pods works, by its own metrics: they are asked as Prometheus would ask them."""

from __future__ import annotations

import re
import urllib.request
from typing import Final

from tests.cluster.kubernetes import Resource

PORT: Final = 9464
SECONDS: Final = 5
_WORKS: Final = re.compile(r"^headwater_(stage_active|listener_leads)(\{[^}]*\})? 1(\.0)?$", re.MULTILINE)


def says_it_works(metrics: str) -> bool:
    """Does a process say that it has its stage's partition, or leads?"""
    return _WORKS.search(metrics) is not None


def works(pod: Resource) -> bool:
    """Does a pod say so? False also where it does not answer."""
    try:
        with urllib.request.urlopen(
            f"http://{pod['status']['podIP']}:{PORT}/metrics", timeout=SECONDS
        ) as answer:
            return says_it_works(answer.read().decode())
    except (OSError, KeyError):
        return False
