"""Names and addresses of an edge: all that can be said about it before anything is made."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError, NotFound

LAB_NAME = re.compile(r"[a-z][a-z0-9]{0,7}")
MIN_HOSTS, MAX_HOSTS = 2, 8
FIRST_SECOND_OCTET, NETWORK_NUMBERS = 60, 100
PORTAL_HOST, FIRST_MEC_HOST, USER_HOST, SILENT_HOST = 1, 11, 100, 250
# On the access network low addresses are kept for users, so that the rest is free for services.
USER_ACCESS_HOST = 2
PROXY_PORT = 3128
SSH_PORT = 22
USER_BANDWIDTH_MBIT = 100.0
# what MEC hosts may be; the user's machine is always an emulated one
EMULATED, VIRTUAL = "emulated", "vm"


@dataclass(frozen=True)
class Machine:
    """One machine. `number` counts from 1 over all of them; `access` is only set for the user."""

    name: str
    role: str
    number: int
    management: str
    backhaul: str | None
    access: str | None
    kind: str = EMULATED


@dataclass(frozen=True)
class Layout:
    """An edge of `hosts` MEC hosts and one user, on the networks 10.(60+number).{0,1,2}.0/24."""

    lab: str
    number: int
    hosts: int
    kind: str = EMULATED

    def network(self, third: int) -> str:
        """The CIDR of one of the three networks: 0 management, 1 backhaul, 2 access."""
        return f"10.{FIRST_SECOND_OCTET + self.number}.{third}.0/24"

    def address(self, third: int, host: int) -> str:
        """An address on one of the three networks."""
        return f"10.{FIRST_SECOND_OCTET + self.number}.{third}.{host}"

    @property
    def portal(self) -> str:
        """The portal's own address on the management network."""
        return self.address(0, PORTAL_HOST)

    @property
    def proxy(self) -> str:
        """Address of the proxy that gives hosts their packages."""
        return f"http://{self.portal}:{PROXY_PORT}"

    @property
    def resolver(self) -> str:
        """Address of the machines' resolver; nobody answers there."""
        return self.address(0, SILENT_HOST)

    @property
    def bridge(self) -> str:
        """The management bridge in the root namespace."""
        return f"mec-{self.lab}"

    @property
    def switch(self) -> str:
        """The network namespace that holds the backhaul and access switches."""
        return namespace(self.lab, "switch")

    @property
    def machines(self) -> list[Machine]:
        """All machines: the MEC hosts in order, then the user."""
        hosts = [
            Machine(f"mec-{i + 1}", "mec", i + 1, self.address(0, host), self.address(1, host), None, self.kind)
            for i, host in enumerate(range(FIRST_MEC_HOST, FIRST_MEC_HOST + self.hosts))
        ]
        user_access = self.address(2, USER_ACCESS_HOST)
        return [*hosts, Machine("user", "user", self.hosts + 1, self.address(0, USER_HOST), None, user_access)]

    def machine(self, name: str) -> Machine:
        """The machine of that name. Raises NotFound."""
        for machine in self.machines:
            if machine.name == name:
                return machine
        known = ", ".join(machine.name for machine in self.machines)
        raise NotFound(f"This edge has no machine {name!r}. It has: {known}.")


def lab_name() -> str:
    """The name of this edge: MEC_LAB, or "edge". Raises LabError for a name that cannot be part of an interface's."""
    name = os.environ.get("MEC_LAB") or "edge"
    if not LAB_NAME.fullmatch(name):
        raise LabError(f"MEC_LAB is {name!r}; it must be a small letter and up to seven small letters or digits.")
    return name


def lab_dir(lab: str) -> Path:
    """Where an edge keeps its keys, disks and run state: below MEC_LAB_DIR, or /var/lib/mecportal."""
    return Path(os.environ.get("MEC_LAB_DIR") or "/var/lib/mecportal") / lab


def prefix(lab: str) -> str:
    """What the names of all network namespaces and interfaces of an edge begin with."""
    return f"mec-{lab}-"


def namespace(lab: str, machine: str) -> str:
    """Name of a machine's network namespace."""
    return prefix(lab) + machine


def group(lab: str, machine: str) -> str:
    """Name of a machine's control group, below every hierarchy's root."""
    return f"mecportal/{lab}-{machine}"
