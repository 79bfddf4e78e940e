"""What rooms of the code agree on: a class for each seam that has a stand-in, which the real thing and its
stand-in both pass, and the completeness of every list (groups, topics, metrics, commands, counted streams).
No socket.
"""
