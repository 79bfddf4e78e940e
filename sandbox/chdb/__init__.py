"""A ClickHouse server for one machine: the chDB engine behind ClickHouse's HTTP interface.

`python -m sandbox.chdb --path DIR --port N` serves clickhouse-connect, curl and
`headwater sql`, on loopback only. One process owns a path; clients share it over HTTP.
"""
