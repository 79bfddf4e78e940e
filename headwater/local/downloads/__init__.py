"""What the local stack runs on, brought by package managers into a user cache, once, hashes checked."""

from __future__ import annotations

from headwater.local.downloads.anvil import anvil_binary
from headwater.local.downloads.cache import cache_dir
from headwater.local.downloads.java import java_home
from headwater.local.downloads.maven import kafka_jars, registry_dir
from headwater.local.downloads.progress import LineProgress, Progress, RichProgress

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
