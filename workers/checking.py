"""Checking a host: its facts, its problems, its residency map as it really is."""

import time

from asgiref.sync import async_to_sync

from migrations_app import actions
from migrations_app.models import Application, BaseLayer, Host, HostRole, Kind, Migration, Origin
from workers import records
from workers.engine import MigrationError
from workers.hosts import facts
from workers.hosts.ssh import connect

FACTS_LIMIT_S = 180  # the first look at a layer takes its digest


def check(host: Host) -> list[dict[str, str]]:
    """Gather and record a host's facts; the problems found. Raises MigrationError when it cannot be reached."""
    try:
        found = async_to_sync(_gather)(host)
    except MigrationError as error:
        actions.record_unreachable(
            host=host, problem=str(error.args[0]), mend=f"ssh -p {host.port} {host.user}@{host.address}"
        )
        raise
    if host.role == HostRole.USER:
        problems = [p for p in facts.problems_of(found.values, "", "") if "clock" in p["what"]]
    else:
        problems = facts.problems_of(found.values, host.backhaul_address or "", host.access_bridge)
        problems += _record_layers(host, found.layers)
    values = found.values | {"instances": found.instances, "leftovers": _stale(found.leftovers)}
    actions.record_facts(host=host, values=values, problems=problems)
    return problems


async def _gather(host: Host) -> facts.Facts:
    async with connect(records.target_of(host)) as reached:
        asked = time.time()
        said = await reached.call(
            "hosts/facts", host.backhaul_address or "-", host.access_bridge, limit_s=FACTS_LIMIT_S
        )
        return facts.parse(said, (float(said["clock"]) - asked) * 1000 if "clock" in said else 0.0)


def _record_layers(host: Host, layers: list[facts.Layer]) -> list[dict[str, str]]:
    """Make the residency map say what is there; a base that differs from the portal's is a problem."""
    kept, problems = [], []
    for layer in layers:
        kind, *_storage, name = layer.path.split("/")
        if kind == "base":
            base, _created = BaseLayer.objects.get_or_create(
                name=name, kind=Kind.LXC, defaults={"digest": layer.digest, "size_bytes": layer.size_bytes}
            )
            if base.digest != layer.digest:
                problems.append(
                    {
                        "what": f"Its base layer {name} differs from the other hosts'.",
                        "mend": f"./manage.py base provision {host}",
                    }
                )
            copy = actions.record_layer_copy(
                host=host, base=base, name=name, digest=layer.digest, size_bytes=layer.size_bytes, origin=Origin.FOUND
            )
            kept.append(copy.pk)
        elif application := _application_of(name):
            copy = actions.record_layer_copy(
                host=host,
                application=application,
                name=name,
                storage=_storage[0],
                digest=layer.digest,
                size_bytes=layer.size_bytes,
                origin=Origin.FOUND,
            )
            kept.append(copy.pk)
    if not any(layer.path.startswith("base/") for layer in layers):
        problems.append(
            {"what": "It holds no base layer, so it cannot be a target.", "mend": f"./manage.py base provision {host}"}
        )
    actions.record_layer_gone(host=host, keep=kept)
    return problems


def _application_of(layer_name: str) -> Application | None:
    name, _hyphen, digest = layer_name.rpartition("-")
    return Application.objects.filter(name=name, recipe_digest__startswith=digest).first()


def _stale(leftovers: dict[str, str]) -> list[str]:
    """What ended migrations left: neither of one that runs, nor a saved state that is still kept."""
    stale = []
    for path, number in leftovers.items():
        migration = Migration.objects.filter(pk=number).first() if number.isdecimal() else None
        if migration is None or (not migration.is_active and migration.kept_until is None):
            stale.append(path)
    return stale
