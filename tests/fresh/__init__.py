"""The README's two commands in minimal Debian roots: `make fresh`."""
