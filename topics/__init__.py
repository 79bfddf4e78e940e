"""The catalogue of topics, and what is read and made from it.

Read it in this order: `spec` (what a topic is), `raw`, `internal` and `derived` (the topics), `catalog`
(all of them, and their names), `admin` over `cluster` (plan and apply), `tail` (messages for people),
`docs/` (generated documents), `chainlog/` (the protocol of a chain's log).
"""
