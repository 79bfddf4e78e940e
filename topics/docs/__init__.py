"""What is generated from the catalogue: `markdown`, `asyncapi`, and `export`, which writes or checks the
files.
"""
