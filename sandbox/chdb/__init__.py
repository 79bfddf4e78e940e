"""A ClickHouse server for one machine: the chDB engine behind ClickHouse's HTTP interface.

Read it in this order: `server` and `handler` (one request), `request` with `statement` and `form` (what it
asks for), `engine` (runs it), `failures` and `codecs` (how it is answered).

`python -m sandbox.chdb --path DIR --port N` serves clickhouse-connect, curl and `headwater sql`, on
loopback only. One process owns a path; clients share it over HTTP.
"""
