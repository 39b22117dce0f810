"""What runs on the two hosts of an iterative migration: a sender beside the service, a receiver at the end of its connection.

Hosts need Python 3.11 or later and nothing else: no module here imports anything but the standard library.
"""
