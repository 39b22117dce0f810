"""Work on layers: built, sent, removed; one function a kind of operation."""

from asgiref.sync import async_to_sync

from migrations_app import actions
from migrations_app.models import Application, Host, Operation, Origin
from migrations_app.technologies import TECHNOLOGIES
from workers import host_check, provisioning, records
from workers.hosts.ssh import connect
from workers.layers import STORES


def provision_base(operation: Operation) -> str:
    """Send the base layer from a host that has it."""
    host = records.host_of(operation)
    kind, name = operation.argument.split("/")
    sent = provisioning.provision_base(host, kind, name, OperationWork(operation))
    host_check.check(host)
    return f"{host} holds {name} ({TECHNOLOGIES[kind]}) now ({sent / 1e6:.0f} MB sent)."


def build_base(operation: Operation) -> str:
    """Build the base layer from Debian's packages."""
    host = records.host_of(operation)
    kind, name = operation.argument.split("/")
    actions.note_progress(operation=operation, message=f"Building {name} on {host} …")
    provisioning.build_base(host, kind, name)
    host_check.check(host)
    return f"{host} holds {name} ({TECHNOLOGIES[kind]}) now."


def build_application(operation: Operation) -> str:
    """Bring an application layer to a host."""
    application, host = operation.application, records.host_of(operation)
    if application is None:
        raise records.NotReady("The application was removed meanwhile.")
    kind, storage = operation.argument.split("/")
    return bring_layer(operation, application, host, kind, storage)


class OperationWork:
    """What bringing a layer says and writes down, in the operation that it is for."""

    def __init__(self, operation: Operation) -> None:
        self.number, self.mark = operation.pk, f"operation-{operation.pk}"
        self._operation = operation

    def say(self, message: str) -> None:
        actions.note_progress(operation=self._operation, message=message)

    def fetching(self, giver: Host, message: str) -> None:
        actions.note_peer(operation=self._operation, peer=giver)
        self.say(message)


def bring_layer(operation: Operation, application: Application, host: Host, kind: str, storage: str) -> str:
    origin = provisioning.bring_application(application, host, kind, storage, OperationWork(operation))
    how = "was there already"
    if origin is not None:
        how = "was built" if origin is Origin.BUILT else "was fetched"
    return f"The application layer of {application} {how} on {host}."


def remove_layer(operation: Operation) -> str:
    """Take an application layer away from a host."""
    application, host = operation.application, records.host_of(operation)
    if application is None:
        raise records.NotReady("The application was removed meanwhile.")
    kind, storage = operation.argument.split("/")
    layer = application.layer_name
    path = STORES[kind, storage].place(layer)

    async def remove() -> None:
        async with connect(records.endpoint_of(host)) as reached:
            await reached.call(f"{kind}/layers/remove_app", path, limit_s=300)

    async_to_sync(remove)()
    actions.forget_layer(host=host, name=layer, kind=kind, storage=storage)
    return f"{host} no longer holds the application layer of {application}."
