"""What is generated from the catalogue.

Read it in this order: `markdown` and `asyncapi` (texts of it), `export` (writes or checks the files),
`access` (a table of docs/security.md).
"""
