"""How far each consumer group is behind, and what would help: `headwater lag`.

Read it in this order: `readers` (which group reads which topics), `look` (what is asked of Kafka, as
values), `counting` (what of it is lag), `group` (what is told of a group), `judgement` (what it means and
what more replicas would do), `advice` (in words), all pure; `session` asks Kafka, `holding` reads what the
sink waits for.
"""
