"""Runs at the user's side: asks a service in a steady rhythm and prints what came back. Needs nothing but Python 3.

Argument: JSON with protocol, address, port, payload (hex), counter, counter_encoding, interval_s, patience_s.
Prints one JSON line about every tenth of a second: {"now": clock, "answers": [[sent, seconds or null, counter or null], ...]}.
"""

import asyncio
import json
import re
import sys
import time

ASK = json.loads(sys.argv[1])
PAYLOAD = bytes.fromhex(ASK["payload"])
COUNTER = re.compile(ASK["counter"].encode("latin-1"), re.DOTALL) if ASK["counter"] else None
REPORT_S = 0.1
answers = []


def counter_in(reply):
    match = COUNTER.search(reply) if COUNTER else None
    if match is None:
        return None
    group = next(value for value in reversed(match.groups()) if value is not None)
    return int(group) if ASK["counter_encoding"] == "decimal" else int.from_bytes(group, "little")


class Reply(asyncio.DatagramProtocol):
    def __init__(self, received):
        self.received = received

    def connection_made(self, transport):
        transport.sendto(PAYLOAD)

    def datagram_received(self, data, _address):
        if not self.received.done():
            self.received.set_result(data)

    def error_received(self, _error):
        pass  # port unreachable: nobody answers, which is what the missing answer says


async def ask_udp():
    loop = asyncio.get_running_loop()
    received = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Reply(received), remote_addr=(ASK["address"], ASK["port"])
    )
    try:
        return await received
    finally:
        transport.close()


async def ask_tcp():
    reader, writer = await asyncio.open_connection(ASK["address"], ASK["port"])
    try:
        if not PAYLOAD:
            return b""
        writer.write(PAYLOAD)
        reply = await reader.read(4096)
        if not reply:
            raise ConnectionError
        return reply
    finally:
        writer.close()


async def ask_once():
    sent = time.monotonic()
    try:
        reply = await asyncio.wait_for(ask_udp() if ASK["protocol"] == "udp" else ask_tcp(), ASK["patience_s"])
    except (TimeoutError, OSError):
        answers.append([sent, None, None])
    else:
        answers.append([sent, time.monotonic() - sent, counter_in(reply)])


async def report():
    while True:
        await asyncio.sleep(REPORT_S)
        ready, answers[:] = list(answers), []
        print(json.dumps({"now": time.monotonic(), "answers": ready}), flush=True)


async def main():
    print(json.dumps({"now": time.monotonic(), "answers": []}), flush=True)
    reporting = asyncio.create_task(report())
    tasks = set()
    next_ask = time.monotonic()
    while not reporting.done():
        task = asyncio.create_task(ask_once())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        next_ask += ASK["interval_s"]
        await asyncio.sleep(max(0.0, next_ask - time.monotonic()))


try:
    asyncio.run(main())
except (KeyboardInterrupt, BrokenPipeError):
    sys.exit(0)
