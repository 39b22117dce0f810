"""An event loop whose time is its own: what hangs is ended at once, and a busy machine outruns no limit."""

import asyncio


class LoopWithItsOwnTime(asyncio.SelectorEventLoop):
    """When nothing is left to do but to wait, the time that is waited for has come."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]
