"""The services of the local stack: how each is started, and how it says that it is up.

`kafka` and `registry` run on `java`, started faster by `quickstart`; `clickhouse`; `anvil`; `probes` asks
them.
"""
