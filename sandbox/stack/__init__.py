"""What `headwater up` runs: services, preparation, roles.

Read it in this order: `run` (the whole run), `services` (Kafka, registry, ClickHouse, chain as supervised
parts), `prepare` (topics, schemas, tables), `builtin`, `receiving` and `describing` (rules, channels and
tokens that are there from the start), `roles` (the pipeline's processes), `datadir` and `endpoints`
(what a directory keeps), `options`, `node_facts`.
"""
