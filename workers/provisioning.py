"""Bringing layers to hosts: built from a recipe, or fetched from a host that has them."""

import shlex
from typing import Protocol

from asgiref.sync import async_to_sync

from migrations_app import actions, images
from migrations_app.models import Application, Host, LayerCopy, Origin
from migrations_app.recipes import Recipe
from migrations_app.technologies import TECHNOLOGIES
from workers import records
from workers.engine import MigrationError
from workers.guests import GUESTS
from workers.hosts.ssh import connect
from workers.layers import KEEP_LIMIT_S, STORES
from workers.specs import ImageSpec, InstanceSpec
from workers.transfer.rsync import Part, Transfer

BUILD_LIMIT_S = 1800
SEND_LIMIT_S = 3600.0


class Work(Protocol):
    """The work that a layer is brought for: it says what it does, and names what it makes on hosts by its mark."""

    number: int
    mark: str

    def say(self, message: str) -> None: ...

    def fetching(self, giver: Host, message: str) -> None:
        """Write down which host a layer comes from, before anything is opened there."""
        ...


def bring_application(application: Application, host: Host, kind: str, storage: str, work: Work) -> Origin | None:
    """Bring an application layer to a host; how it came, or None when it was there.

    A layer is built once: copies built apart differ in times and caches, and a saved state knows the files that it holds open.
    """
    copies = LayerCopy.objects.of_application(application, storage, kind)
    if copies.filter(host=host).exists():
        return None
    # what a migration brought lacks the idle application's memory: rather a host that has it
    giver = min(copies.exclude(host=host), key=lambda copy: copy.origin == Origin.MIGRATED, default=None)
    layer = application.layer_name
    if giver is not None:
        work.fetching(giver.host, f"Fetching the application layer of {application} from {giver.host} …")
        path = STORES[kind, storage].place(layer)
        size, _sent = async_to_sync(_fetch)(giver.host, host, kind, path, giver.digest, work.mark)
        digest, origin = giver.digest, Origin.PROVISIONED
    else:
        work.say(f"Building the application layer of {application} on {host} …")
        keeps_idle = TECHNOLOGIES[kind].keeps_idle_memory
        idle = _idle_instance(application, host, kind, storage, work.number) if keeps_idle else None
        digest, size = async_to_sync(_build)(host, application, kind, storage, work, idle)
        origin = Origin.BUILT
    actions.record_layer_copy(
        host=host,
        application=application,
        name=layer,
        kind=kind,
        storage=storage,
        digest=digest,
        size_bytes=size,
        origin=origin,
    )
    return origin


async def _build(
    host: Host, application: Application, kind: str, storage: str, work: Work, idle: InstanceSpec | None
) -> tuple[str, int]:
    recipe = records.recipe_of(application)
    async with connect(records.endpoint_of(host)) as builder:
        if recipe.of_image:
            return await STORES[kind, storage].take_image(builder, application.layer_name, image_of(recipe), work.mark)
        said = await builder.call(
            f"{kind}/layers/build_app",
            application.layer_name,
            recipe.base,
            storage,
            work.mark,
            " ".join(recipe.python_packages),
            " ".join(recipe.debian_packages),
            stdin=build_script(recipe),
            limit_s=BUILD_LIMIT_S,
        )
        if idle is not None:
            await GUESTS[kind].keep_idle(builder, idle, work.number)
    return said["digest"], int(said["bytes"])


def image_of(recipe: Recipe) -> ImageSpec:
    """The image that a recipe names, and what it says beyond it."""
    archive = images.kept_archive(recipe.archive) if recipe.archive else None
    return ImageSpec(recipe.image or "", archive, recipe.archive or "", recipe.environment, tuple(recipe.command))


def _idle_instance(application: Application, host: Host, kind: str, storage: str, number: int) -> InstanceSpec:
    """The paper's "idle version of the application", whose memory is kept beside the layer."""
    return InstanceSpec(
        service=f"mec-idle-{number}",
        kind=kind,
        storage=storage,
        base=application.base_name,
        base_digest="",
        app_layer=application.layer_name,
        app_digest="",
        # of documentation (RFC 5737): the guest is not connected, and nobody else must have its addresses
        address="192.0.2.2",
        prefix_length=24,
        hardware_address="02:4d:00:00:00:00",
        memory_mb=records.recipe_of(application).memory_mb,
        **records.machine_of(host, kind),
    )


def build_script(recipe: Recipe) -> str:
    """The shell lines that place a recipe's files, write its start script and run its build commands; all quoted."""
    lines = []
    start = _Placed("/etc/mec/run", start_script(recipe), "0755")
    files = [_Placed(file.path, file.content or "", file.mode) for file in recipe.files]
    for file in [start, *files]:
        lines += [
            f"inside mkdir -p {shlex.quote(file.path.rsplit('/', 1)[0] or '/')}",
            # written from inside the layer, so that a link in it cannot lead out to the host's files
            f"printf %s {shlex.quote(file.content)} | inside tee {shlex.quote(file.path)} >/dev/null",
            f"inside chmod {file.mode} {shlex.quote(file.path)}",
        ]
    for command in recipe.build:
        words = shlex.join(command)
        failed = shlex.quote(f"the build command failed: {words}")
        lines.append(f'inside {words} >"$work/log" 2>&1 || {{ tail -n 40 "$work/log" >&2; fail {failed}; }}')
    return "\n".join(lines)


class _Placed:
    def __init__(self, path: str, content: str, mode: str) -> None:
        self.path, self.content, self.mode = path, content, mode


def start_script(recipe: Recipe) -> str:
    """The first process of a service.

    It opens its standard files inside the root (what the host opens, a restoration cannot find), runs the command as its user,
    and stays: a daemon that forks away from it goes on, as its child.
    """
    command = shlex.join(recipe.command_line())
    if recipe.user != "root":
        # a user's group need not have the user's name: nobody is in nogroup
        command = f'setpriv --reuid={recipe.user} --regid="$(id -g {recipe.user})" --init-groups -- {command}'
    exports = [f"export {name}={shlex.quote(value)}" for name, value in recipe.environment.items()]
    return "\n".join(
        [
            "#!/bin/sh",
            "exec </dev/null >>/var/log/mec-service.log 2>&1",
            "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8",
            *exports,
            "cd /",
            "others() { set -- /proc/[0-9]*; [ $# -gt 1 ]; }",
            "end() { trap '' TERM PWR; kill -TERM -1; tries=80; "
            "while others && [ $tries -gt 0 ]; do tries=$((tries - 1)); sleep 0.1; done; exit 0; }",
            "trap end TERM PWR",
            f"{command} &",
            "main=$!",
            "wait $main",
            "status=$?",
            "# the command is over; what it left running as a daemon is the service",
            "while others; do sleep 5 & wait $!; done",
            "exit $status",
            "",
        ]
    )


def provision_base(host: Host, kind: str, name: str, work: Work) -> int:
    """Send the base layer from a host that has it; the bytes rsync sent. Raises MigrationError when none has it."""
    giver = LayerCopy.objects.filter(base__name=name, base__kind=kind).exclude(host=host).select_related("host").first()
    if giver is None:
        raise MigrationError(f"No other host holds the base {name} ({TECHNOLOGIES[kind]}): build it on one first.")
    path = f"{TECHNOLOGIES[kind].layers_folder}base/{name}"
    work.fetching(giver.host, f"Fetching {name} from {giver.host} …")
    _size, sent = async_to_sync(_fetch)(giver.host, host, kind, path, giver.digest, work.mark)
    return sent


async def _fetch(giver: Host, taker: Host, kind: str, layer: str, digest: str, mark: str) -> tuple[int, int]:
    """Send a layer from one host to another; its size, and the bytes that rsync sent."""
    content = TECHNOLOGIES[kind].layer_content
    parts = [Part(f"layers/{layer}/{content}", f"layer/{content}")]
    async with (
        connect(records.endpoint_of(giver)) as source,
        connect(records.endpoint_of(taker)) as target,
    ):
        transfer = Transfer(mark, source, target)
        if TECHNOLOGIES[kind].keeps_idle_memory and await GUESTS[kind].has_idle(source, layer):
            parts.append(Part(f"layers/{layer}/idle", "layer/idle"))
        try:
            await transfer.open()
            sent = await transfer.send(parts, "lo", SEND_LIMIT_S)
            said = await target.call(f"{kind}/layers/keep_layer", mark, layer, digest, limit_s=KEEP_LIMIT_S)
        finally:
            await transfer.close()
    return int(said["bytes"]), sent.bytes_rsync


def build_base(host: Host, kind: str, name: str) -> None:
    """Build a base layer from Debian's packages on a host."""

    async def build() -> None:
        async with connect(records.endpoint_of(host)) as builder:
            await builder.call(f"{kind}/layers/build_base", name, limit_s=BUILD_LIMIT_S)

    async_to_sync(build)()
