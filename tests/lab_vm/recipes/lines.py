"""Answers each datagram, and each line of each TCP connection, with how many it has answered there."""

import selectors
import socket

datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 7000))
server = socket.create_server(("0.0.0.0", 7001))
ready = selectors.DefaultSelector()
counts: dict[socket.socket, int] = {datagrams: 0}
for one in (datagrams, server):
    ready.register(one, selectors.EVENT_READ)
while True:
    for key, _mask in ready.select():
        one = key.fileobj
        assert isinstance(one, socket.socket)
        if one is server:
            connection, _ = server.accept()
            counts[connection] = 0
            ready.register(connection, selectors.EVENT_READ)
        elif one is datagrams:
            _, asker = datagrams.recvfrom(64)
            counts[datagrams] += 1
            datagrams.sendto(b"count %d" % counts[datagrams], asker)
        elif one.recv(64):
            counts[one] += 1
            one.sendall(b"%d\n" % counts[one])
        else:
            ready.unregister(one)
            del counts[one]
            one.close()
