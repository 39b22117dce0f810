"""The commands of the edge: `./manage.py lab ...`, and the same as `python -m lab ...`."""

import argparse
import json
import subprocess
import sys
from typing import Any

from lab import edge, image
from lab.errors import LabError
from lab.kinds import KINDS, kind_of
from lab.layout import lab_name
from lab.requirements import Unmet
from lab.state import Wanted
from lab.status import status

EXIT_FAILED, EXIT_UNMET = 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to a parser."""
    # A plain parser class for the sub-commands: the one of a Django command has a constructor of its own.
    actions = parser.add_subparsers(dest="action", required=True, parser_class=argparse.ArgumentParser)
    default = Wanted()
    up = actions.add_parser("up", help="bring the edge up")
    up.add_argument("--hosts", type=int, default=default.hosts, help="MEC hosts, 2 to 8 (%(default)s)")
    up.add_argument("--bandwidth-mbit", type=float, default=default.bandwidth_mbit, help="backhaul (%(default)s)")
    up.add_argument("--user-delay-ms", type=float, default=default.user_delay_ms, help="one way (%(default)s)")
    up.add_argument("--user-jitter-ms", type=float, default=default.user_jitter_ms, help="one way (%(default)s)")
    up.add_argument("--disk-mb", type=int, default=default.disk_mb, help="size of each host's disk (no limit)")
    _add_machines(
        up, "what the MEC hosts are: emulated ones, or virtual machines with a kernel of their own (%(default)s)"
    )
    show = actions.add_parser("status", help="what there is of the edge")
    show.add_argument("--json", action="store_true", help="for programs")
    execute = actions.add_parser("exec", help="run a command in a machine")
    execute.add_argument("name", help="the machine, for example mec-1")
    execute.add_argument("command", nargs=argparse.REMAINDER, help="-- and the command")
    link = actions.add_parser("link", help="reshape or cut a host's backhaul")
    link.add_argument("name", help="the MEC host, for example mec-2")
    link.add_argument("--bandwidth-mbit", type=float, help="at both ends")
    state = link.add_mutually_exclusive_group()
    state.add_argument("--down", dest="up", action="store_false", default=None, help="pull the cable out")
    state.add_argument("--up", dest="up", action="store_true", help="plug it in again")
    down = actions.add_parser("down", help="remove all of the edge but its keys and disks")
    down.add_argument("--disks", action="store_true", help="remove the hosts' disks, too")
    images = actions.add_parser("image", help="build the cached images")
    _add_machines(images, "for which MEC hosts (%(default)s)")


def _add_machines(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--machines", choices=sorted(KINDS), default=Wanted().machines, help=text)


def perform(options: dict[str, Any]) -> int:
    """Do what the parsed options say; returns the exit code (2: this machine lacks something)."""
    try:
        return _ACTIONS[options["action"]](options)
    except (Unmet, LabError) as error:
        if options.get("json"):
            print(json.dumps({"outcome": "refused", "error": str(error)}, indent=1))
        _say(str(error))
        return EXIT_UNMET if isinstance(error, Unmet) else EXIT_FAILED


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _up(options: dict[str, Any]) -> int:
    edge.up(Wanted(**{name: options[name] for name in vars(Wanted())}), _say)
    return 0


def _status(options: dict[str, Any]) -> int:
    found = status()
    if options["json"]:
        print(json.dumps(found, indent=1))
    elif not found["machines"]:
        print(f"The edge {found['lab']!r} has not been brought up yet.")
    else:
        _print_status(found)
    return 0


def _print_status(found: dict[str, Any]) -> None:
    delay = found["delay"]
    print(f"edge {found['lab']}: {'up' if found['up'] else 'down'}")
    print(f"user's access: {delay['delay_ms']:g} +- {delay['jitter_ms']:g} ms each way, by {delay['by']}")
    print(f"operator's key: {found['operator_key']}")
    print(f"{'name':8}{'management':16}{'backhaul':16}{'access':16}{'Mbit/s':>8}  link  machine")
    for row in found["machines"]:
        words = f"{'up' if row['link_up'] else 'down':6}{'running' if row['running'] else 'stopped'}, {row['kind']}"
        addresses = "".join(f"{row[key] or '-':16}" for key in ("management", "backhaul", "access"))
        print(f"{row['name']:8}{addresses}{row['bandwidth_mbit']:>8g}  {words}")


def _exec(options: dict[str, Any]) -> int:
    command = options["command"]
    command = command[1:] if command[:1] == ["--"] else command
    if not command:
        raise LabError("Which command? For example: lab exec mec-1 -- lxc-ls -f")
    state = edge.running_state()
    machine = state.layout.machine(options["name"])
    argv = kind_of(machine).enter_argv(edge.places_of(state.lab), state.lab, machine, command)
    return subprocess.run(argv, check=False).returncode


def _link(options: dict[str, Any]) -> int:
    if options["bandwidth_mbit"] is None and options["up"] is None:
        raise LabError("Nothing to change: give --bandwidth-mbit, --down or --up.")
    edge.link(options["name"], bandwidth_mbit=options["bandwidth_mbit"], up=options["up"])
    return 0


def _down(options: dict[str, Any]) -> int:
    removed = edge.down(disks=options["disks"])
    _say(f"The edge {lab_name()!r} is down." if removed else f"The edge {lab_name()!r} was down already.")
    return 0


def _image(options: dict[str, Any]) -> int:
    built = image.build(_say)
    KINDS[options["machines"]].build(_say)
    print(f"host: {built.host}\nbase: {built.base}")
    return 0


_ACTIONS = {"up": _up, "status": _status, "exec": _exec, "link": _link, "down": _down, "image": _image}


def main() -> int:
    """Entry of `python -m lab`."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    add_arguments(parser)
    return perform(vars(parser.parse_args()))
