"""A user of a service who keeps one TCP connection open and counts: `client.py KIND ADDRESS PORT STOP`.

Asks for one increment after the other until the file STOP is there; prints JSON: the values that came, and the worst gap.
"""

import json
import os
import socket
import sys
import time

KIND, ADDRESS, PORT, STOP = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
connection = socket.create_connection((ADDRESS, PORT))
connection.settimeout(30)
stream = connection.makefile("rb")


def increment_in_valkey() -> int:
    """One more in a key."""
    connection.sendall(b"INCR mine\r\n")
    return int(stream.readline()[1:])


def ask_postgresql(sql: str) -> bytes:
    """The messages up to ReadyForQuery."""
    body = sql.encode() + b"\0"
    connection.sendall(b"Q" + (len(body) + 4).to_bytes(4, "big") + body)
    return until_ready()


def until_ready() -> bytes:
    """PostgreSQL's messages: a letter, a length that counts itself, a body."""
    read = b""
    while True:
        kind, size = stream.read(1), int.from_bytes(stream.read(4), "big")
        body = stream.read(size - 4)
        if kind == b"E":
            raise SystemExit(body)
        if kind == b"D":
            read = body
        if kind == b"Z":
            return read


def open_postgresql() -> None:
    """Sign in and make the counter."""
    body = (196608).to_bytes(4, "big") + b"user\0postgres\0database\0postgres\0\0"
    connection.sendall((len(body) + 4).to_bytes(4, "big") + body)
    until_ready()
    ask_postgresql("CREATE TEMPORARY TABLE mine AS SELECT 0 AS n")


def increment_in_postgresql() -> int:
    """One more in a row of a table that lives as long as this connection."""
    return int(ask_postgresql("UPDATE mine SET n = n + 1 RETURNING n")[6:])


answered = 0


def get_from_nginx() -> int:
    """One more page over the same connection."""
    global answered
    connection.sendall(b"GET / HTTP/1.1\r\nHost: mec\r\n\r\n")
    while stream.readline().strip():
        pass
    assert stream.readline() == b"it serves\n"
    answered += 1
    return answered


if KIND == "postgresql":
    open_postgresql()
increment = {"valkey": increment_in_valkey, "postgresql": increment_in_postgresql, "nginx": get_from_nginx}[KIND]
values, worst, last = [], 0.0, time.monotonic()
while not os.path.exists(STOP):  # noqa: PTH110 - runs on the user's machine, where less is imported
    values.append(increment())
    worst, last = max(worst, time.monotonic() - last), time.monotonic()
print(json.dumps({"values": values, "worst_gap_s": worst}))
