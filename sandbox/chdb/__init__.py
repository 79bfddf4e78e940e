"""A ClickHouse server for one machine: the chDB engine behind ClickHouse's HTTP interface.

Read it in this order: `server` and `handler` (one request), `access` with `logins` (who may ask),
`request` with `statement` and `form` (what it asks for), `reading` (what the read-only user may),
`engine` (runs it), `mutations` (what it would not start with), `failures` and `codecs` (how it is
answered), `lingering` (how a connection ends).

`python -m sandbox.chdb --path DIR --port N --logins FILE` serves clickhouse-connect, curl and
`headwater sql`, on loopback only. One process owns a path; clients share it over HTTP.
"""
