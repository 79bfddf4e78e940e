"""Which of a chain's listeners leads.

Read it in this order: `election` (asks Kafka), `turns` (leads and stands by in turn).

Being elected decides nothing for readers of raw-blocks: a CLAIM does, and only one is in force at a time.
So two that both believe they lead, for as long as it takes to notice, make no fork of the log.
"""
