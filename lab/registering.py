"""Making an edge known to the portal, by the commands that an operator uses."""

from typing import Any

from django.core.management import call_command

from migrations_app.models import Host, ServiceNetwork

# where the demo's hosts stand on the page: three masts along a road, and the user's phone
PLACES = {
    "mec-1": ("Mast at the station", 51.4995, -0.1248),
    "mec-2": ("Mast at the bridge", 51.5081, -0.0759),
    "mec-3": ("Mast at the park", 51.5074, -0.1657),
    "user": ("The user's phone", None, None),
}


def register(status: dict[str, Any], *, check: bool = True, **output: Any) -> None:
    """Register the machines of `lab status` that the portal does not know yet, and check them.

    An edge that was made anew has new addresses and host keys: a host that differs is registered as it is now.
    """
    access = status["networks"]["access"]
    if not ServiceNetwork.objects.filter(cidr=access).exists():
        call_command("network", access, **output)
    for machine in status["machines"]:
        _register_one(machine, status["operator_key"], output)
    if check:
        for machine in status["machines"]:
            call_command("host", "check", machine["name"], **output)


def _register_one(machine: dict[str, Any], key_file: str, output: dict[str, Any]) -> None:
    known = Host.objects.filter(name=machine["name"]).first()
    now = {
        "address": machine["management"],
        "key_file": key_file,
        "host_key": machine["host_key"],
        "backhaul_address": machine["backhaul"],
    }
    if known is not None:
        Host.objects.filter(pk=known.pk).update(**now)
        return
    place, latitude, longitude = PLACES.get(machine["name"], ("", None, None))
    words = ["host", "add", machine["name"], "--address", machine["management"], "--key-file", key_file, "--yes"]
    words += ["--role", machine["role"], "--place", place]
    if machine["backhaul"]:
        words += ["--backhaul", machine["backhaul"], "--bandwidth-mbit", str(round(machine["bandwidth_mbit"]))]
    if latitude is not None:
        words += ["--latitude", str(latitude), "--longitude", str(longitude)]
    call_command(*words, **output)
