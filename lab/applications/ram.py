"""Consumes memory that keeps changing: `ram.py MEGABYTES MEGABYTES_CHANGED_A_SECOND RANDOM_PERCENT [scattered]`.

Of each page so many percent are random, and the rest zeros: that is how far it can be compressed.
What changes are pages one after the other, or `scattered` ones. Answers datagrams with a counter.
"""

import os
import select
import socket
import sys
import time

PAGE = 4096
megabytes, changed = int(sys.argv[1]), float(sys.argv[2])
random = PAGE * int(sys.argv[3]) // 100
scattered = sys.argv[4:] == ["scattered"]
memory = bytearray(megabytes * 1_000_000 // PAGE * PAGE)
for start in range(0, len(memory), PAGE):
    memory[start : start + random] = os.urandom(random)
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
        memory[at : at + random] = os.urandom(random)
        at = (int.from_bytes(os.urandom(4)) * PAGE if scattered else at + PAGE) % len(memory)
        rewritten += PAGE
