"""Consumes memory that keeps changing: `ram.py MEGABYTES MEGABYTES_CHANGED_A_SECOND`. Answers datagrams with a counter."""

import os
import select
import socket
import sys
import time

PAGE = 4096
megabytes, changed = int(sys.argv[1]), float(sys.argv[2])
memory = bytearray(megabytes * 1_000_000)
for start in range(0, len(memory), 1_000_000):
    memory[start : start + 1_000_000] = os.urandom(1_000_000)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 7000))
count, at, rewritten, began = 0, 0, 0, time.monotonic()
while True:
    ready, _, _ = select.select([server], [], [], 0.01)
    if ready:
        _, asker = server.recvfrom(64)
        count += 1
        server.sendto(b"count %d" % count, asker)
    due = (time.monotonic() - began) * changed * 1_000_000
    if due - rewritten > 10_000_000:  # a pause, as a migration is: do not catch up with what was missed
        rewritten = int(due)
    while rewritten < due and memory:
        memory[at : at + PAGE] = os.urandom(min(PAGE, len(memory) - at))
        at = (at + PAGE) % len(memory)
        rewritten += PAGE
