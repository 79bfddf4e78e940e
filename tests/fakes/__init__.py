"""Stand-ins for clients of services; each passes its class in `tests/contract`."""
