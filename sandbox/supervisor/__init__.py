"""Child processes.

Read it in this order: `process` (one), `launch` (sees that none outlives us), `supervisor` (keeps all
running).
"""
