"""Bringing layers to hosts: built from a recipe, or fetched from a host that has them."""

import shlex
from collections.abc import Callable

from asgiref.sync import async_to_sync

from migrations_app import actions
from migrations_app.models import Application, Host, LayerCopy, Origin
from migrations_app.recipes import Recipe
from workers import records
from workers.engine import MigrationError
from workers.hosts.ssh import connect
from workers.transfer.rsync import Part, Transfer

BUILD_LIMIT_S = 1800
SEND_LIMIT_S = 3600.0
SHIFTED_ROOT = 100_000


def bring_application(
    application: Application, host: Host, storage: str, number: int, say: Callable[[str], None]
) -> Origin | None:
    """Bring an application layer to a host; how it came, or None when it was there.

    A layer is built once: copies built apart differ in times and caches, and CRIU compares the files it finds open.
    """
    copies = LayerCopy.objects.of_application(application, storage)
    if copies.filter(host=host).exists():
        return None
    giver = copies.exclude(host=host).first()
    layer = application.layer_name
    if giver is not None:
        say(f"Fetching the application layer of {application} from {giver.host} …")
        path = f"app/{storage}/{layer}"
        size, _sent = async_to_sync(_fetch)(giver.host, host, path, giver.digest, f"layer-{number}")
        digest, origin = giver.digest, Origin.PROVISIONED
    else:
        say(f"Building the application layer of {application} on {host} …")
        digest, size = async_to_sync(_build)(host, application, storage, number)
        origin = Origin.BUILT
    actions.record_layer_copy(
        host=host, application=application, name=layer, storage=storage, digest=digest, size_bytes=size, origin=origin
    )
    return origin


async def _build(host: Host, application: Application, storage: str, number: int) -> tuple[str, int]:
    recipe = records.recipe_of(application)
    async with connect(records.target_of(host)) as builder:
        said = await builder.call(
            "layers/build_app",
            application.layer_name,
            recipe.base,
            storage,
            number,
            " ".join(recipe.python_packages),
            " ".join(recipe.debian_packages),
            stdin=build_script(recipe),
            limit_s=BUILD_LIMIT_S,
        )
    return said["digest"], int(said["bytes"])


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

    It opens its standard files inside the root (what the host opens, CRIU cannot find), runs the command as its user,
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


def provision_base(host: Host, name: str) -> int:
    """Send the base layer from a host that has it; the bytes rsync sent. Raises MigrationError when none has it."""
    giver = (
        LayerCopy.objects.filter(base__name=name, base__isnull=False).exclude(host=host).select_related("host").first()
    )
    if giver is None:
        raise MigrationError(f"No other host holds the base {name}: build it on one first.")
    _size, sent = async_to_sync(_fetch)(giver.host, host, f"base/{name}", giver.digest, f"base-{host.pk}")
    return sent


async def _fetch(giver: Host, taker: Host, layer: str, digest: str, mark: str) -> tuple[int, int]:
    """Send a layer from one host to another; its size, and the bytes that rsync sent."""
    async with (
        connect(records.target_of(giver), migration=mark) as source,
        connect(records.target_of(taker), migration=mark) as target,
    ):
        transfer = Transfer(mark, source, target)
        try:
            await transfer.open()
            sent = await transfer.send([Part(f"layers/{layer}/rootfs", "layer/rootfs")], "lo", SEND_LIMIT_S)
            said = await target.call("layers/keep_layer", mark, layer, digest, limit_s=300)
        finally:
            await _close(transfer)
    return int(said["bytes"]), sent.bytes_rsync


async def _close(transfer: Transfer) -> None:
    await transfer.close_source()
    await transfer.close_target()


def build_base(host: Host, name: str) -> None:
    """Build a base layer from Debian's packages on a host."""

    async def build() -> None:
        async with connect(records.target_of(host)) as builder:
            await builder.call("layers/build_base", name, limit_s=BUILD_LIMIT_S)

    async_to_sync(build)()
