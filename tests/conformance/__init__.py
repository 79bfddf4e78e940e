"""What we make of recorded chains, held against what the chains themselves say. No socket, no service."""
