"""The listener as a process, from a node into Kafka with nothing else at work: the way that the peers run.

Beside the whole line it shares two cores with nine other processes, and the same work takes more CPU there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka import Consumer

from bench.local_services import services
from bench.processes import cpu_seconds
from connectors.evm.log.links.links import STREAM, LinkCodec
from headwater import kafka
from headwater.settings import Settings, environment
from schemas.registry import Registry, register_all
from topics import admin
from topics.catalog import topic_name

HEADWATER: Final = str(Path(sys.executable).parent / "headwater")
_PATIENCE_SECONDS: Final = 300.0
_LATEST: Final = 8
"""Links to look at: the last ones may be of blocks that became final."""


def seconds(rpc: str, first: int, last: int) -> float:
    """CPU seconds of a listener from its start, all threads, until raw-blocks holds the block `last`."""
    with services() as settings:
        admin.apply(settings)
        register_all(settings)
        log = settings.data_dir / "listen.log"
        command = [HEADWATER, "listen", "--rpc", rpc, "--start", str(first)]
        own = {**os.environ, **environment(settings), "HEADWATER_CHAIN__VERIFY_ROOTS": "sampled"}
        with open(log, "wb") as sink:
            process = subprocess.Popen(command, stdout=sink, stderr=sink, env=own)
        client = kafka.reader(settings)
        codec = LinkCodec(Registry(settings).id_for(STREAM))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        try:
            while _published(settings, client, codec) < last:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the listener does not get on: {log.read_text()[-3_000:]}")
                time.sleep(0.1)
            return cpu_seconds(psutil.Process(process.pid))
        finally:
            client.close()
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _published(settings: Settings, client: Consumer, codec: LinkCodec) -> int:
    """The highest block of the latest links, -1 while there is none."""
    topic = topic_name(settings, STREAM)
    low, end = kafka.watermarks(client, topic)
    found = kafka.read_range(client, topic, max(low, end - _LATEST), end)
    links = codec.decode([value for each in found if (value := each.value()) is not None])
    return max((each.head.number for each in links if each.head is not None), default=-1)
