"""Pure functions of the streams: no I/O, no clock, no clients."""
