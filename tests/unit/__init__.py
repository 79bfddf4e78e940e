"""Tests of modules, in the same place as those in the tree. No socket, no service, no waiting."""
