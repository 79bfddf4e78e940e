"""raw-links: what the messages of raw-blocks say without the node's answers, so that a start is quick."""
