"""The closed list of metrics, one module for each part, and the server that every role exposes them on.

A metric that is not in this package does not exist: dashboards and alerts rely on the list. Read it in this
order: `listener`, `stages` (what each stage counts), `aggregate`, `alerts`, `sink`, `delivery`; `consumers`
is what stages and sink count alike, `age`, `last` and `buckets` are kinds of gauge, count and histogram,
`build` says what runs and `readiness` whether it is well; `server` serves them, `hanging` logs where a
process stands that must be ended, `markdown` writes docs/metrics.md. A new module is found by itself.
"""
