"""The local stack: real Kafka, schema registry, ClickHouse engine and chain as child processes.

Read it in this order: `stack/` (what `headwater up` runs), `supervisor/` (child processes), `services/`
(how each is started), `downloads/` (what they run on), `screen/` (what is shown), `chdb/` (ClickHouse's
HTTP interface over chDB), `node/` (a recorded node), `traffic/` (life on the local chain), `receiver/`
(of webhooks), `observing/` (Prometheus and Alertmanager).
"""
