"""The catalogue of topics, and what is read and made from it.

Read it in this order: `spec` (what a topic is), `raw` (the listener's topics), `internal` (between stages)
and `derived` (the public ones, a contract with consumers), `alerts`, `delivery`, `repairs`, `statistics` and
`tokens` (those of one part each), `catalog` (all of them, and their names), `groups` (the list of stages: a
new one begins there, goes on in `streams.logic` and `streams.agents`, and where it stands in the middle of
the line in the next stage's `input`), `coverage` (the streams whose records a block's coverage counts, so
that it is shown whole or not at all), `dead_letters` (their headers), `chainlog/` (the protocol of a chain's
log), `admin` over `cluster` (plan and apply) with `settling`, `lag/` (how far groups are behind), `access`
(who may do what, for an authorizer), `partitions` (of one topic), `tail` (messages for people), `docs/`
(generated documents).
"""
