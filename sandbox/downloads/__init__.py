"""What the local stack runs on, brought by package managers into a user cache, once, hashes checked."""

from __future__ import annotations

from .anvil import anvil_binary
from .cache import cache_dir
from .java import java_home
from .maven import kafka_jars, registry_dir
from .progress import LineProgress, Progress, RichProgress

__all__ = [
    "LineProgress",
    "Progress",
    "RichProgress",
    "anvil_binary",
    "cache_dir",
    "java_home",
    "kafka_jars",
    "registry_dir",
]
