"""Answers each datagram with how many it has answered: a counter that must not go back."""

import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 7000))
count = 0
while True:
    _, asker = server.recvfrom(64)
    count += 1
    server.sendto(b"count %d" % count, asker)
