"""Buckets that histograms share."""

from __future__ import annotations

# Milliseconds up to a minute: what a stage or the whole line may take.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
# Half a second up to an hour: since a block's own timestamp, which a proposer gives it beforehand.
BLOCK_SECONDS = (0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
