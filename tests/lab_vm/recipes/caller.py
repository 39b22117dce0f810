"""A user with one TCP connection: `caller.py ADDRESS STOP` sends a line, waits for its number, and again, until STOP is there.

Prints the numbers that came, separated by spaces.
"""

import os
import socket
import sys
import time

connection = socket.create_connection((sys.argv[1], 7001), timeout=300)
numbers = connection.makefile("r")
while not os.path.exists(sys.argv[2]):  # noqa: PTH110  (a program of its own, started anew for each connection)
    connection.sendall(b"x\n")
    print(numbers.readline().strip(), end=" ", flush=True)
    time.sleep(0.5)
