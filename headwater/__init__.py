"""Headwater: blockchain nodes to clean, complete, reorg-proof streams and tables.

This package is what every process has, and the command that puts processes together. Read it in this order:
`errors` (what a failure allows), `retry` (repeats what raises Transient, with backoff: the only one;
`sink.retries` and `streams.runtime.kafka_retry` are it with their metrics), `at_once` (several awaits, all
needed), `bad_ratio` (when to stop instead of skipping more), `settings/`, `logging`, `heartbeat` (of loops)
and `silences` (how long one may be), `health` (what `/healthz` and `/readyz` say), `metrics/` (all of them,
one module per part) and the `dashboards/` of them, `clock` (which tests replace), `watchdog` and
`standstill` (a reader that gets nothing), `lateness` and `reading` (of a consumer), `trust` (in private
CAs), `memory`, `digits` and `redaction` (of text from elsewhere), `author` (who runs a command), `kafka/`
(clients), `evm/` (facts of the chain, pure), `cli/` (one module per command; it alone imports all others).
"""

__version__ = "0.1.0"
