"""A worker's lease: proof that it owns its work, kept fresh by each write.

Silence is what others judge by, so a lease is good for as long as nobody can have taken the work over: for half of the time
after which a heartbeat counts as lost, from the beginning of the last write that went well. After that a command on a host
waits until the database has confirmed it. Time is counted by a clock that also runs while the machine is suspended.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from tenacity import AsyncRetrying, Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from migrations_app.actions.leases import LeaseGone, Work, beat
from migrations_app.models import Migration
from workers.engine import LeaseLost
from workers.hosts.base import MecHost
from workers.hosts.fence import working

T = TypeVar("T")
BEAT_S = 3.0
# a database that restarts is back within seconds; nobody else can write meanwhile, either
WRITE_LIMIT_S, CONFIRM_LIMIT_S = 30.0, 120.0
SETTLE_S = 20  # so long an earlier owner's command may take to its end before it is ended
LOST_DATABASE = (OperationalError, InterfaceError)
log = logging.getLogger(__name__)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """The lease of one migration, operation or experiment. A Fence for the hosts."""

    def __init__(self, work: Work) -> None:
        self.mark = f"{work._meta.model_name}-{work.pk}"
        self.number = work.lease
        self.ends_itself = isinstance(work, Migration)
        self.beat: Callable[[], None] = partial(beat, type(work), work.pk, work.lease)
        self._confirmed = _now()
        self._gone = False

    async def write(self, action: Callable[..., T], *, limit_s: float = WRITE_LIMIT_S, **values: Any) -> T:
        """Make a write that has the lease in its condition; tried again while the database does not answer.

        Raises LeaseLost when another worker has the work, and the database's error after `limit_s`.
        """
        return await self.read(partial(self.write_once, action, **values), limit_s=limit_s)

    async def read(self, look: Callable[[], T], *, limit_s: float = WRITE_LIMIT_S) -> T:
        """Look into the database, or write what is true whoever owns the work; tried again while it does not answer.

        Raises the database's error after `limit_s`.
        """
        async for attempt in AsyncRetrying(**_patience(limit_s)):
            with attempt:
                found: T = await sync_to_async(_answered)(look)
        return found

    def write_now(self, action: Callable[..., T], **values: Any) -> T:
        """The same, from synchronous code."""
        done: T = Retrying(**_patience(WRITE_LIMIT_S))(_answered, partial(self.write_once, action, **values))
        return done

    async def require(self) -> None:
        """Before a command on a host: raises LeaseLost when the work is another's, or that cannot be known."""
        if self._gone:
            raise LeaseLost(f"{self.mark} is another worker's by now.")
        if _now() - self._confirmed <= settings.HEARTBEAT_LOST_SECONDS / 2:
            return
        try:
            await self.write(self.beat, limit_s=CONFIRM_LIMIT_S)
        except LOST_DATABASE as error:
            raise LeaseLost(f"Whether {self.mark} is still this worker's cannot be known: {error}") from error

    async def settle(self, host: MecHost) -> None:
        """Fence earlier owners off, and wait until their commands have ended on a host; those that do not end are ended.

        The host is reached unfenced, since its own lock is what is waited for. Raises MigrationError.
        """
        await host.call("hosts/settle", self.mark, self.number, SETTLE_S, limit_s=2 * SETTLE_S)

    def write_once(self, action: Callable[..., T], **values: Any) -> T:
        """The same, tried once."""
        began = _now()
        try:
            done = action(**values)
        except LeaseGone as error:
            self._gone = True
            log.warning("%s: this worker stops", error)
            raise LeaseLost(str(error)) from error
        self._confirmed = max(self._confirmed, began)
        return done


def _answered(look: Callable[[], T]) -> T:
    """The answer of the database; a connection that broke is closed, so that the next attempt makes another."""
    try:
        return look()
    except LOST_DATABASE:
        connection.close()
        raise


def _patience(limit_s: float) -> dict[str, Any]:
    return {
        "retry": retry_if_exception_type(LOST_DATABASE),
        "stop": stop_after_delay(limit_s),
        "wait": wait_exponential(multiplier=0.05, max=2),
        "reraise": True,
    }


@contextmanager
def kept(work: Work) -> Iterator[Lease]:
    """Hold a lease while the block runs, beating from a thread; commands on hosts within belong to this work."""
    lease, done = Lease(work), threading.Event()

    def beating() -> None:
        while not done.wait(BEAT_S):
            try:
                lease.write_once(lease.beat)
            except LeaseLost:
                return
            except Exception as error:  # the next beat may be written again
                log.warning("%s: no heartbeat: %s", lease.mark, error)
        connection.close()

    thread = threading.Thread(target=beating, daemon=True)
    thread.start()
    try:
        with working(lease):
            yield lease
    finally:
        done.set()
        thread.join()
