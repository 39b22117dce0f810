"""Links, switches and shaping of an edge, made through netlink."""

import ipaddress
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute, NetlinkError, netns

from lab.errors import LabError
from lab.layout import FIRST_SECOND_OCTET, NETWORK_NUMBERS, USER_BANDWIDTH_MBIT, Layout, Machine, namespace, prefix
from lab.shell import run

PREFIX_LENGTH = 24
ROOT_PARENT = 0xFFFFFFFF
IFF_UP = 1
# Milliseconds of traffic that a shaper lets pass at once: less makes timers the limit, more blurs a short transfer.
BURST_MS = 5
MIN_BURST_BYTES = 10_000
QUEUE_MS = 50
USER_PORT, USER_DEVICE = "ac-user", "access0"


@contextmanager
def sockets(netns_name: str | None = None) -> Iterator[Any]:
    """A netlink socket in a named network namespace, or in the root one."""
    with IPRoute(netns=netns_name) if netns_name else IPRoute() as ipr:
        yield ipr


def index(ipr: Any, name: str) -> int:
    """Index of an interface. Raises LabError if there is none of that name."""
    found = ipr.link_lookup(ifname=name)
    if not found:
        raise LabError(f"There is no interface {name}. Run `lab down` and `lab up`.")
    return int(found[0])


def free_number(preferred: int | None) -> int:
    """A network number that no address or route of this machine uses. Raises LabError if all are taken."""
    taken: set[int] = set()
    with sockets() as ipr:
        values = [address.get_attr("IFA_ADDRESS") for address in ipr.get_addr(family=2)]
        values += [route.get_attr("RTA_DST") for route in ipr.get_routes(family=2)]
    for value in filter(None, values):
        first, second, *_ = ipaddress.IPv4Address(value).packed
        if first == 10:
            taken.add(second - FIRST_SECOND_OCTET)
    numbers: list[int] = [*([] if preferred is None else [preferred]), *range(NETWORK_NUMBERS)]
    for number in numbers:
        if number not in taken:
            return number
    raise LabError("All networks from 10.60.0.0/16 on are in use on this machine. Take another edge down first.")


def make_bridge(ipr: Any, name: str) -> int:
    """A switch that forwards from the first moment on: no spanning tree, no forward delay."""
    ipr.link("add", ifname=name, kind="bridge", br_stp_state=0, br_forward_delay=0, br_mcast_snooping=0)
    made = index(ipr, name)
    ipr.link("set", index=made, state="up")
    return made


def make_management(layout: Layout) -> None:
    """The management bridge in the root namespace, with the portal's address."""
    with sockets() as ipr:
        bridge = make_bridge(ipr, layout.bridge)
        with suppress(OSError):  # a kernel without IPv6
            Path(f"/proc/sys/net/ipv6/conf/{layout.bridge}/disable_ipv6").write_text("1")
        ipr.addr("add", index=bridge, address=layout.portal, prefixlen=PREFIX_LENGTH)


def make_namespace(name: str) -> None:
    """A network namespace with its loopback up and IPv6 off."""
    netns.create(name)
    silence = "for i in all default; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done 2>/dev/null; true"
    run(["nsenter", f"--net=/run/netns/{name}", "sh", "-c", silence])
    with sockets(name) as ipr:
        ipr.link("set", index=index(ipr, "lo"), state="up")


def make_switch(layout: Layout) -> None:
    """The namespace with the backhaul and the access switch."""
    make_namespace(layout.switch)
    with sockets(layout.switch) as ipr:
        make_bridge(ipr, "backhaul")
        make_bridge(ipr, "access")


def join_machine(layout: Layout, machine: Machine, bandwidth_mbit: float) -> None:
    """Make a machine's network namespace and plug it into its networks, the user's access apart."""
    name = namespace(layout.lab, machine.name)
    make_namespace(name)
    with sockets(name) as ipr:
        with sockets() as root:
            plug(root, f"{prefix(layout.lab)}{machine.number}", layout.bridge, name, "mgmt0")
        set_address(ipr, "mgmt0", machine.management)
        if machine.backhaul is None:
            return
        with sockets(layout.switch) as switch:
            plug(switch, f"bh-{machine.name}", "backhaul", name, "backhaul0")
            plug(switch, f"ac-{machine.name}", "access", name, "access0")
            shape(switch, f"bh-{machine.name}", bandwidth_mbit)
        shape(ipr, "backhaul0", bandwidth_mbit)
        set_address(ipr, "backhaul0", machine.backhaul)
        access = make_bridge(ipr, "br-access")
        ipr.link("set", index=index(ipr, "access0"), address=card_address(machine), master=access, state="up")


def card_address(machine: Machine) -> str:
    """
    The hardware address of a host's card in the users' network, as a vendor would give it.

    The kernel's own for a veth is random and one in 64 begins with fe, as the cables of services do: the bridge,
    which takes the lowest of its ports, would then change its address with them.
    """
    return f"52:54:00:00:00:{machine.number:02x}"


def join_virtual_machine(layout: Layout, machine: Machine, bandwidth_mbit: float) -> None:
    """Lay a virtual machine's cables as far as the namespace in which it will run, each to a bridge there."""
    name = namespace(layout.lab, machine.name)
    make_namespace(name)
    with sockets(name) as ipr, sockets() as root, sockets(layout.switch) as switch:
        plug(root, f"{prefix(layout.lab)}{machine.number}", layout.bridge, name, "mgmt0")
        plug(switch, f"bh-{machine.name}", "backhaul", name, "backhaul0")
        plug(switch, f"ac-{machine.name}", "access", name, "access0")
        shape(switch, f"bh-{machine.name}", bandwidth_mbit)
        shape(ipr, "backhaul0", bandwidth_mbit)
        for cable in ("mgmt", "backhaul", "access"):
            bridge = make_bridge(ipr, f"br-{cable}")
            ipr.link("set", index=index(ipr, f"{cable}0"), master=bridge, state="up")


def join_taps(layout: Layout, machine: Machine, cards: Sequence[str], *, timeout_s: float = 20) -> None:
    """Join a virtual machine's cards, which QEMU makes as it starts, to their cables. Raises LabError."""
    deadline = time.monotonic() + timeout_s
    with sockets(namespace(layout.lab, machine.name)) as ipr:
        while not all(ipr.link_lookup(ifname=f"tap-{card}") for card in cards):
            if time.monotonic() > deadline:
                raise LabError(f"QEMU has not started {machine.name}; its log is boot.log in the edge's run directory.")
            time.sleep(0.05)
        for card in cards:
            ipr.link("set", index=index(ipr, f"tap-{card}"), master=index(ipr, f"br-{card}"), state="up")


def plug(ipr: Any, port: str, bridge: str, peer_namespace: str, device: str) -> None:
    """A cable from a switch's port to a device in another namespace."""
    ipr.link("add", ifname=port, kind="veth", peer={"ifname": device, "net_ns_fd": peer_namespace})
    ipr.link("set", index=index(ipr, port), master=index(ipr, bridge), state="up")


def set_address(ipr: Any, device: str, address: str) -> None:
    """Give a device its address and bring it up."""
    number = index(ipr, device)
    ipr.addr("add", index=number, address=address, prefixlen=PREFIX_LENGTH)
    ipr.link("set", index=number, state="up")


def burst_bytes(bandwidth_mbit: float) -> int:
    """Bytes a shaper lets through at once: BURST_MS at the rate, and never less than a few frames."""
    return max(MIN_BURST_BYTES, int(bandwidth_mbit * 1e6 / 8 * BURST_MS / 1000))


def shape(ipr: Any, device: str, bandwidth_mbit: float) -> None:
    """Limit what a device sends to `bandwidth_mbit`; replaces an earlier limit."""
    bits = int(bandwidth_mbit * 1e6)
    parameters = {"rate": f"{bits}bit", "burst": burst_bytes(bandwidth_mbit), "latency": f"{QUEUE_MS}ms"}
    ipr.tc("replace", "tbf", index(ipr, device), parent=ROOT_PARENT, **parameters)


def reshape_backhaul(layout: Layout, machine: Machine, bandwidth_mbit: float) -> None:
    """Give a host's backhaul another bandwidth, at both ends."""
    with sockets(layout.switch) as switch:
        shape(switch, f"bh-{machine.name}", bandwidth_mbit)
    with sockets(namespace(layout.lab, machine.name)) as ipr:
        shape(ipr, "backhaul0", bandwidth_mbit)


def set_backhaul(layout: Layout, machine: Machine, *, up: bool) -> None:
    """Plug a host's backhaul in, or pull it out: the host sees its carrier come or go, as with a cable."""
    with sockets(layout.switch) as switch:
        switch.link("set", index=index(switch, f"bh-{machine.name}"), state="up" if up else "down")


def ports_up(layout: Layout) -> dict[str, bool]:
    """Which ports of the backhaul and access switches are up; empty where there is no switch."""
    if layout.switch not in netns.listnetns():
        return {}
    with sockets(layout.switch) as switch:
        return {link.get_attr("IFLA_IFNAME"): bool(link["flags"] & IFF_UP) for link in switch.get_links()}


def has_netem(layout: Layout) -> bool:
    """Whether the kernel can delay packets itself; tried on the switch's loopback."""
    with sockets(layout.switch) as switch:
        loopback = index(switch, "lo")
        try:
            switch.tc("add", "netem", loopback, parent=ROOT_PARENT, delay=1000)
        except NetlinkError:
            return False
        switch.tc("del", "netem", loopback, parent=ROOT_PARENT)
        return True


def plug_user_with_netem(layout: Layout, user: Machine, delay_ms: float, jitter_ms: float) -> None:
    """The user's access link, delayed and limited by the kernel at each end."""
    name = namespace(layout.lab, user.name)
    rate = f"{int(USER_BANDWIDTH_MBIT * 1e6)}bit"
    timing = {"delay": int(delay_ms * 1000), "jitter": int(jitter_ms * 1000), "rate": rate}
    with sockets(layout.switch) as switch, sockets(name) as ipr:
        plug(switch, USER_PORT, "access", name, USER_DEVICE)
        for end, device in ((switch, USER_PORT), (ipr, USER_DEVICE)):
            end.tc("add", "netem", index(end, device), parent=ROOT_PARENT, **timing)
        set_address(ipr, USER_DEVICE, str(user.access))


def finish_user_behind_relay(layout: Layout, user: Machine, *, timeout_s: float = 5) -> None:
    """Join the relay's two devices to the access switch and to the user, once they are there. Raises LabError."""
    deadline = time.monotonic() + timeout_s
    with sockets(layout.switch) as switch, sockets(namespace(layout.lab, user.name)) as ipr:
        while not (switch.link_lookup(ifname=USER_PORT) and ipr.link_lookup(ifname=USER_DEVICE)):
            if time.monotonic() > deadline:
                raise LabError("The delay relay has not started; its log is relay.log in the edge's run directory.")
            time.sleep(0.02)
        switch.link("set", index=index(switch, USER_PORT), master=index(switch, "access"), state="up")
        shape(switch, USER_PORT, USER_BANDWIDTH_MBIT)
        shape(ipr, USER_DEVICE, USER_BANDWIDTH_MBIT)
        set_address(ipr, USER_DEVICE, str(user.access))
