"""A delay line between two network namespaces, for kernels without netem.

It makes a TAP device in each, and hands every frame over after a delay drawn anew for it; frames never overtake each
other. It runs until it is killed, and its devices go with it.
"""

import argparse
import ctypes
import fcntl
import os
import random
import select
import struct
import time
from collections import deque
from dataclasses import dataclass, field

CLONE_NEWNET = 0x40000000
# linux/if_tun.h
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
MAX_FRAME_BYTES = 65_536
# Enough for a 100 Mbit/s link's frames over a quarter of a second; more is congestion, and dropped as a switch would.
MAX_HELD = 2_000
BATCH = 64


@dataclass
class Direction:
    """Frames on their way from one TAP to the other, with the time (s, monotonic) at which each may leave."""

    source: int
    target: int
    held: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, now: float, delay_s: float, jitter_s: float) -> None:
        """Read what has come in, and give each frame its time of leaving."""
        for _ in range(BATCH):
            try:
                frame = os.read(self.source, MAX_FRAME_BYTES)
            except BlockingIOError:
                return
            if len(self.held) >= MAX_HELD:
                continue
            leaves = now + delay_s + random.uniform(-jitter_s, jitter_s)
            if self.held:
                leaves = max(leaves, self.held[-1][0])
            self.held.append((leaves, frame))

    def give(self, now: float) -> None:
        """Write the frames whose time has come."""
        while self.held and self.held[0][0] <= now:
            _, frame = self.held.popleft()
            try:
                os.write(self.target, frame)
            except OSError:
                continue  # the other end is down: a cable would lose the frame, too


def open_tap(namespace: str, name: str) -> int:
    """Make a TAP device in a named network namespace and return its file, non-blocking. Raises OSError.

    The calling process stays in that namespace.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(handle, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"cannot enter network namespace {namespace}")
    os.close(handle)
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def relay(directions: list[Direction], delay_s: float, jitter_s: float) -> None:
    """Pass frames on for ever."""
    sources = [direction.source for direction in directions]
    while True:
        now = time.monotonic()
        due = [direction.held[0][0] - now for direction in directions if direction.held]
        ready, _, _ = select.select(sources, [], [], max(0.0, min(due)) if due else None)
        now = time.monotonic()
        for direction in directions:
            if direction.source in ready:
                direction.take(now, delay_s, jitter_s)
            direction.give(time.monotonic())


def main() -> None:
    """Entry of `python -m lab.relay`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--end", nargs=2, action="append", metavar=("NAMESPACE", "DEVICE"), required=True)
    parser.add_argument("--delay-ms", type=float, required=True)
    parser.add_argument("--jitter-ms", type=float, required=True)
    options = parser.parse_args()
    one, other = (open_tap(namespace, device) for namespace, device in options.end)
    relay([Direction(one, other), Direction(other, one)], options.delay_ms / 1000, options.jitter_ms / 1000)


if __name__ == "__main__":
    main()
