"""`headwater stats rebuild`: windows of statistics made again from what ClickHouse has.

Read it in this order: `progress` (what the aggregate stage has finished, and whether ClickHouse has all of
it), `tables` (blocks and snapshots as ClickHouse has them), `plan` (what is wrong with each window, and what
makes it right), `publish` (the snapshots go out), `report` (what is printed).
"""
