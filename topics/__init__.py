"""The catalogue of topics, and what is read and made from it.

Read it in this order: `spec` (what a topic is), `raw` (the listener's topics), `internal` (between stages)
and `derived` (the public ones, a contract with consumers), `catalog` (all of them, and their names),
`groups` (the list of stages: a new one begins there), `coverage` (the streams whose records a block's
coverage counts, so that it is shown whole or not at all), `dead_letters` (their headers), `chainlog/` (the
protocol of a chain's log), `admin` over `cluster` (plan and apply), `partitions` (of one topic), `tail`
(messages for people), `docs/` (generated documents).
"""
