"""The services of the local stack: how each is started, and how it says that it is up."""
