"""What a node says of a block, read in one way by whoever publishes it and whoever takes it from there.

Read it in this order: `shapes` (the records as structs) with `fields` (what each may hold), `decode`
(JSON into them) with `errors` (what is wrong with it), `canonical` (answers that are written otherwise:
absent fields, numbers, unmodelled fields), `digits` (text that is not hex), `absent` (what stands for a
field that a type does not have), `places` (where each record says that it belongs), `sizes` (how
large they become).
"""
