"""Tables and views: ordered SQL files, `template` (their placeholders) and `runner` (which are due, applied
once).
"""
