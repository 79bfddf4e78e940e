"""What `headwater rules`, `lists` and `labels` share: the configuration topic, and files of addresses.

Read it in this order: `topic` (what is there, and how it is written), `files` (addresses with remarks),
`reading` (files of rules), `adopted` (what the stage has made of them), `validate` (are rules sound), `rules`
(the commands that put rules in force and take them out), `shadow` (alerts made and not delivered), `local`
(the rules of `headwater up`), `backtest` (the commands that run rules over past blocks) with `judged` (what
they say) and `enriched` (what Kafka has).
"""
