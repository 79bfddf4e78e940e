"""A chain's alerts through any life of it: `life` (an alerting, its state topic, its death), `rules` (what is
watched for, and how that changes), `states` (transactions of its blocks)."""
