"""Coverage rows: held back until all of their block is stored.

Read it in this order: `holdback` (which may go, pure), `writer` (writes them), `timely` (which of them
tell how late the line is), `replicas` (what replicas of
the sink share through ClickHouse).
"""
