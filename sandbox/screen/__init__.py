"""The live screen of `headwater up` and `headwater status`.

Read it in this order: `snapshot` (what is shown), `collector` over `clickhouse_view` and `prometheus_text`
(where it comes from), `render` with `lines` and `tables` (how it is drawn), `figures`.
"""
