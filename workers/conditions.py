"""Under which conditions a cell's runs are made: the link as wide as the cell says, and hosts on which nothing else happens."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from asgiref.sync import async_to_sync
from django.conf import settings

from migrations_app.models import Cell, Host, Migration, Operation, OperationStatus
from workers import records
from workers.hosts.ssh import connect

# A run waits until neither host's processors are busier than this
QUIET_PERCENT = 35


@contextmanager
def link(cell: Cell, source: Host, target: Host) -> Iterator[None]:
    """The link has the cell's bandwidth meanwhile."""
    if cell.bandwidth_mbit >= min(source.bandwidth_mbit, target.bandwidth_mbit):
        yield
        return
    with ExitStack() as given_back:  # each end, whatever becomes of the other
        for host in (source, target):
            given_back.callback(on, host, "hosts/unshape", host.backhaul_address or "-")
            on(host, "hosts/shape", host.backhaul_address or "-", cell.bandwidth_mbit)
        yield


def on(host: Host, script: str, *arguments: str | int) -> dict[str, str]:
    async def call() -> dict[str, str]:
        async with connect(records.endpoint_of(host)) as reached:
            return await reached.call(script, *arguments, limit_s=60)

    return async_to_sync(call)()


def wait_until_quiet(cell: Cell, *hosts: Host) -> None:
    """Nothing else moves, and the processors rest; where they do not for long, the cell says so."""
    deadline = time.monotonic() + settings.QUIET_LIMIT_SECONDS
    while True:
        busy = max(int(on(host, "hosts/busy")["busy_percent"]) for host in hosts)
        others = Migration.objects.active().count() + Operation.objects.filter(status=OperationStatus.RUNNING).count()
        if busy <= QUIET_PERCENT and not others:
            return
        if time.monotonic() > deadline:
            what = f"{others} other work under way" if others else f"processors {busy} % busy"
            note = f"A run began on a machine that was not quiet: {what}."
            Cell.objects.filter(pk=cell.pk).update(notes=[*cell.notes, note])
            cell.refresh_from_db()
            return
