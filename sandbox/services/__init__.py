"""The services of the local stack: how each is started, and how it says that it is up.

Read it in this order: `ports` (where), `kafka` and `registry`, which run on `java` and start faster by
`quickstart`, `clickhouse`, `anvil`, `probes` (asks them).
"""
