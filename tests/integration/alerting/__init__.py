"""Alerts of an instance that is disturbed, and what must be true of them.

Read it in this order: `rules` (the texts), `editor` (changes them as the commands do), `said` (what the stage
said), `receiving` (the receiver of webhooks, and what must have come to it), `undisturbed` (the application
that nobody disturbs), `proof`.
"""
