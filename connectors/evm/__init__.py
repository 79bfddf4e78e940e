"""Everything that speaks to EVM nodes."""
