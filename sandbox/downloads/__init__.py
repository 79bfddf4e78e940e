"""What the local stack runs on, brought by package managers into a user cache, once, hashes checked.

Read it in this order: `cache` (nothing half-made is seen), `lockfile` (what is fetched, to the byte;
`relock` writes it), `maven` (Kafka, registry), `npm`, `anvil` and `java` over `archive`, `progress` (what
a person sees).
"""

from __future__ import annotations

from sandbox.downloads.anvil import anvil_binary
from sandbox.downloads.cache import cache_dir
from sandbox.downloads.java import java_home
from sandbox.downloads.maven import kafka_jars, registry_dir
from sandbox.downloads.progress import DownloadProgress, LineProgress, RichProgress

__all__ = [
    "DownloadProgress",
    "LineProgress",
    "RichProgress",
    "anvil_binary",
    "cache_dir",
    "java_home",
    "kafka_jars",
    "registry_dir",
]
