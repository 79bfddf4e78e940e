"""The closed list of metrics, and the server that every role exposes them on.

A metric that is not in this file does not exist: dashboards and alerts rely on the list.
"""

from __future__ import annotations

import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Gauge, Histogram, generate_latest

from headwater.health import HEALTH
from headwater.logging import get_logger

# Milliseconds up to a minute: what a stage or the whole line may take.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

# --- listener -----------------------------------------------------------------------------------
CHAIN_BLOCK = Gauge("headwater_chain_block", "Height of a tag of the chain as published", ["chain", "tag"])
CHAIN_SEQUENCE = Gauge("headwater_chain_sequence", "Last sequence published on raw-blocks", ["chain"])
EVENTS = Counter("headwater_listener_events", "Events published on raw-blocks", ["chain", "event"])
REORGS = Counter("headwater_listener_reorgs", "Forks followed", ["chain"])
REORG_DEPTH = Histogram(
    "headwater_listener_reorg_depth_blocks",
    "Blocks reverted by a fork",
    ["chain"],
    buckets=(1, 2, 3, 4, 6, 8, 16, 32, 64),
)
NODE_REQUESTS = Counter(
    "headwater_node_requests", "JSON-RPC calls", ["chain", "endpoint", "method", "outcome"]
)
NODE_SECONDS = Histogram(
    "headwater_node_request_seconds",
    "Duration of a JSON-RPC call",
    ["chain", "endpoint", "method"],
    buckets=SECONDS,
)
REJECTED_BLOCKS = Counter(
    "headwater_listener_rejected_blocks", "Node answers that failed a check", ["chain", "check"]
)

# --- stages (normalize, enrich, state) ------------------------------------------------------------
STAGE_EVENTS = Counter("headwater_stage_events", "Chain events handled", ["chain", "stage", "event"])
STAGE_RECORDS = Counter("headwater_stage_records", "Records written", ["chain", "stage", "stream"])
STAGE_SEQUENCE = Gauge("headwater_stage_sequence", "Last sequence a stage has finished", ["chain", "stage"])
STAGE_BLOCK = Gauge(
    "headwater_stage_block", "Height of the last block a stage has finished", ["chain", "stage"]
)
STAGE_SECONDS = Histogram(
    "headwater_stage_seconds",
    "Time a stage took for one batch of events",
    ["chain", "stage"],
    buckets=SECONDS,
)
STAGE_LATENCY = Histogram(
    "headwater_stage_latency_seconds",
    "From the listener's write to the stage's finish",
    ["chain", "stage"],
    buckets=SECONDS,
)
STAGE_REPEATS = Counter("headwater_stage_repeats", "Repeated sequences dropped", ["chain", "stage"])
STAGE_GAPS = Counter("headwater_stage_gaps", "Gaps in the sequence, each an alarm", ["chain", "stage"])
STALE_CLAIMS = Counter(
    "headwater_stage_stale_claims", "Events of an overruled listener ignored", ["chain", "stage"]
)
DEAD_LETTERS = Counter(
    "headwater_dead_letters", "Messages sent to the dead letters", ["chain", "stage", "error"]
)
TRANSACTION_SECONDS = Histogram(
    "headwater_kafka_transaction_seconds",
    "Duration of a Kafka transaction",
    ["chain", "stage"],
    buckets=SECONDS,
)
STATE_BLOCKS = Gauge("headwater_state_blocks", "Blocks in the working table of the state stage", ["chain"])

# --- sink ---------------------------------------------------------------------------------------
SINK_ROWS = Counter("headwater_sink_rows", "Rows acknowledged by ClickHouse", ["chain", "table"])
SINK_BATCH_ROWS = Histogram(
    "headwater_sink_batch_rows",
    "Rows an insert",
    ["table"],
    buckets=(1, 10, 100, 1_000, 10_000, 50_000, 100_000),
)
SINK_INSERT_SECONDS = Histogram(
    "headwater_sink_insert_seconds", "Duration of an insert", ["table"], buckets=SECONDS
)
SINK_RETRIES = Counter("headwater_sink_retries", "Inserts tried again", ["table"])
SINK_PAUSED = Gauge(
    "headwater_sink_paused", "1 while ClickHouse does not answer and consumption is paused", ["chain"]
)
SINK_BUFFERED = Gauge("headwater_sink_buffered_messages", "Messages held in memory", ["chain"])
SINK_HELD_BLOCKS = Gauge(
    "headwater_sink_held_blocks", "Coverage rows waiting for their block's rows", ["chain"]
)
BLOCK_VISIBLE_SECONDS = Histogram(
    "headwater_block_visible_seconds",
    "From a block's APPLY to its rows being visible",
    ["chain"],
    buckets=SECONDS,
)
CONSUMER_LAG = Gauge(
    "headwater_consumer_lag",
    "Messages behind the end of a partition",
    ["chain", "group", "topic", "partition"],
)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
        elif self.path in ("/healthz", "/readyz"):
            ok = HEALTH.alive() if self.path == "/healthz" else HEALTH.ready()
            body = {name: {"ok": check.ok, "detail": check.detail} for name, check in HEALTH.checks().items()}
            status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(status, "application/json", orjson.dumps(body))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"paths: /metrics /healthz /readyz\n")

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A scrape every few seconds is not worth a line."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A scraper that went away is no failure of this process; anything else is worth its traceback."""
        if isinstance(sys.exception(), ConnectionError):
            return
        get_logger("headwater.metrics").exception("serving metrics failed")


def serve(port: int = 0, host: str = "127.0.0.1") -> int:
    """Serve /metrics, /healthz and /readyz in a daemon thread; returns the port (0: a free one)."""
    server = _Server((host, port), _Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server.server_port
