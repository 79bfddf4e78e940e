"""What the stages decide, as pure functions: no I/O, no clock, no clients.

`event` is what logic is given and gives back; then one package a group: `normalize/`, `enrich/`, `state/`.
The groups do not import each other.
"""
