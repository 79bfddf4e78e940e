"""raw-links: what the messages of raw-blocks say without the node's answers, so that a start is quick.

Read it in this order: `links` (the seam and the form of its messages), `kafka_links`, `linked` (a log
read from links, and from raw-blocks where they are missing).
"""
