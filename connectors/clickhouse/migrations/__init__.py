"""Tables and views: ordered SQL files, never changed once released; a new column is a new file.

`template` fills in database, cluster and chain, `runner` applies what is due, once.
"""
