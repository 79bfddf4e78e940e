"""The stream workers: one Faust application for each group of each chain.

Read it in this order: `stage` (the seam between logic and runtime), `logic/` (what a stage decides, pure),
`agents/` (one thin module per group of `topics.groups`, found by its name), `workers` (what `headwater
work` runs), `runtime/` (Faust, Kafka, failure). Faust is known to `runtime.process` and what only it uses:
a stage can have another host.
"""
