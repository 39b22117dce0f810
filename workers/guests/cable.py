"""A container's cable into the services' network."""

from workers.specs import InstanceSpec


def veth_name(instance: InstanceSpec) -> str:
    """The host's end of the container's cable: the same on every host, and no other service's."""
    return "mec" + instance.hardware_address.replace(":", "")[4:]
