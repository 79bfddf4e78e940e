"""JSON-RPC to one node: `endpoint` makes calls, `answers` says what an HTTP answer means."""
