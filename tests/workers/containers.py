"""A container on this machine, with stand-ins for what its scripts call: CRIU, ip, the kernel's freezer."""

from pathlib import Path

from tests.workers.this_machine import ThisMachine

CABLE = "mec4d00000007"
FREEZER = {1: "freezer/lxc.payload.echo/freezer.state", 2: "lxc.payload.echo/cgroup.freeze"}
FROZEN, THAWED = {1: "FROZEN", 2: "1"}, {1: "THAWED", 2: "0"}
NETWORK = f"lxc.net.0.link = br-access\nlxc.net.0.veth.pair = {CABLE}\n"


def running(here: ThisMachine, version: int) -> Path:
    """A container that runs here, on its bridge, and a CRIU that saves it; the file that says its state."""
    state = here.container("echo", version)
    (here.place / "instances/echo/config").write_text(NETWORK)
    (here.network / CABLE).mkdir(parents=True)
    (here.network / CABLE / "master").touch()
    freezer, events = here.cgroups / FREEZER[version], here.cgroups / "lxc.payload.echo/cgroup.events"
    freezer.write_text(THAWED[version])
    here.tool("mountpoint", "exit 1")
    here.tool("ip", f'echo "$* while $(cat {freezer})" >>{here.run}/network\n{ip_does(here)}')
    # the kernel of version 2 says a little later that all stand still
    kernel = f'echo "frozen $(cat {freezer})" >{events}; ' if version == 2 else ""
    here.tool("sleep", f"{kernel}exec /bin/sleep $1")
    criu_saves(here)
    return state


def ip_does(here: ThisMachine) -> str:
    master = here.network / CABLE / "master"
    return f"case $* in *nomaster) rm -f {master} ;; *master*) touch {master} ;; *delete*) rm -rf {here.network}/{CABLE} ;; esac"


def criu_saves(here: ThisMachine, also: str = "") -> None:
    """CRIU writes its images, and the words that it was called with."""
    kept = here.place / "migrations/7/state"
    image = f"printf 'freezer.state\\022\\006FROZEN' >{kept}/cgroup.img"
    saves = f'echo "$@" >{here.run}/words; echo memory >{kept}/pages-1.img; {image}'
    here.tool("criu", f'case $1 in --version) echo "Version: 4.2" ;; dump) {saves}\n{also} ;; esac')


def freezer_of(here: ThisMachine, version: int) -> str:
    return (here.cgroups / FREEZER[version]).read_text().strip()


def network_of(here: ThisMachine) -> list[str]:
    return (here.run / "network").read_text().splitlines()
