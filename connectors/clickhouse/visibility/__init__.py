"""The settled range: blocks that are final and whole, for which views need not ask coverage.

Read it in this order: `settling` (which blocks, pure), `settler` (moves the range), `loop` (beside the
sink).
"""
