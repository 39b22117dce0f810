"""Waiting for what takes milliseconds on a machine that has nothing else to do."""

import asyncio
from collections.abc import Awaitable, Callable

LONG_S = 30


async def until(true: Callable[[], bool | Awaitable[bool]]) -> None:
    """Look again and again. Raises TimeoutError when it does not come true."""
    async with asyncio.timeout(LONG_S):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)
