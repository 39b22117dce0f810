"""What ended work left on a host: its keys and connections, what came for it, and states that it saved."""

from asgiref.sync import async_to_sync

from migrations_app import actions
from migrations_app.actions.hosts import needs_leftover
from migrations_app.models import Host, Migration, Operation, OperationKind
from workers import records
from workers.engine import MigrationError
from workers.hosts.ssh import connect

ACTIVE = ("queued", "running")


def problems_of(host: Host, leftovers: dict[str, str]) -> list[dict[str, str]]:
    """A problem for each piece of ended work that left something; `leftovers` are paths with the mark of their work.

    Not of what is under way, nor of a saved state whose time is not over.
    """
    by_mark: dict[str, list[str]] = {}
    for path, mark in sorted(leftovers.items()):
        by_mark.setdefault(mark, []).append("a key that opens it" if path.startswith("key/") else path)
    found = []
    for mark, left in by_mark.items():
        if sentence := _sentence(host, mark, " and ".join(left)):
            found.append({"what": sentence, "fix": "", "leftover": mark})
    return found


def _sentence(host: Host, mark: str, left: str) -> str:
    if mark.isdecimal():
        migration = Migration.objects.filter(pk=mark).first()
        if migration is None:
            return f"A migration that the portal does not know (#{mark}) left {left}."
        if migration.is_active or migration.kept_until is not None:
            return ""
        if migration.state_held and host.pk == migration.source_id:
            return (
                f"The saved state of {migration.service_name} is kept in {left} after migration #{mark} "
                f"({migration.shown_status.label.lower()}): look where the service runs and whether it is well, then remove it."
            )
        return f"Migration #{mark} has ended and left {left}."
    under_way = Operation.objects.filter(status__in=ACTIVE)
    number = mark.removeprefix("operation-")
    if number.isdecimal():
        return "" if under_way.filter(pk=number).exists() else f"An operation (#{number}) has ended and left {left}."
    building = under_way.filter(host=host, kind=OperationKind.BUILD_BASE).exists()
    return "" if building else f"A build that has ended left {left}."


def remove(operation: Operation, host: Host) -> str:
    """Remove what the work that the operation names left on a host."""
    mark = operation.argument
    if sentence := needs_leftover(mark):
        raise MigrationError(sentence)

    async def on_host() -> None:
        async with connect(records.endpoint_of(host)) as reached:
            await reached.call("hosts/remove_leftover", mark, host.user, limit_s=300)

    async_to_sync(on_host)()
    if mark.isdecimal() and Migration.objects.filter(pk=mark, source=host).exists():
        actions.release_state(migration_id=int(mark))
    return f"Nothing of {mark} is left on {host}."
