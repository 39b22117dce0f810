"""QEMU's own live migration, through libvirt, from host to host: disk mirrored and memory copied while the guest runs.

All of it goes through the ssh connection that the migration has anyway: libvirt's control, the memory and the disk are streams
that the source may ask its target for, and nothing else of the target's can be reached (transfer/open_target.sh). Before the
target's libvirt stands a relay (kvm/relay.py): it passes what the migration of this guest needs, with the definition that the
portal vetted. Nothing of it is in clear text on the backhaul, and no port is opened.
Source: https://libvirt.org/migration.html, "Migration over UNIX sockets".
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from workers.engine import MigrationError
from workers.guests.base import Progress
from workers.hosts.base import MecHost
from workers.specs import MigrationSpec

from .vetting import decoded, vetted

# what stands between the source of a live migration and the target's libvirt
RELAY = Path(__file__).parent / "scripts/relay.py"
# What QEMU may use of the link: the rest is for headers of TCP and ssh, so that nothing waits in the connection's buffers
LINK_SHARE = 0.9


class QemuMigration:
    """One live migration, from its start to its end on the source's libvirt."""

    def __init__(self, source: MecHost, target: MecHost, spec: MigrationSpec) -> None:
        self._source, self._target, self._spec = source, target, spec
        self._lines: AsyncIterator[str] | None = None
        self.bytes_on_wire = 0  # so far, at the source's backhaul interface

    async def start(self, interface: str) -> None:
        """Make the target ready to receive, and begin to copy. Raises MigrationError."""
        spec, bridge, live = self._spec, self._target.endpoint.access_bridge, self._spec.live
        assert live is not None  # only the live plan comes here
        said = await self._source.call("kvm/describe", spec.service)
        domain = vetted(decoded(said["definition"]), spec.instance, bridge)
        await self._target.call("kvm/receive_live", spec.migration, spec.service, stdin=domain)
        there = self._target.endpoint
        login = f"{there.user}@{there.backhaul_address}"
        await self._source.call("kvm/forward_live", spec.migration, spec.service, login, there.port)
        bandwidth_mbit = min(self._source.endpoint.bandwidth_mbit, self._target.endpoint.bandwidth_mbit)
        self._lines = self._source.stream(
            "kvm/migrate_live",
            spec.migration,
            spec.service,
            bridge,
            interface,
            max(1, int(bandwidth_mbit * LINK_SHARE * 1e6 / 8 / 2**20)),
            live.downtime_ms,
            "--auto-converge" if live.throttle else "",
        )

    async def copying(self) -> AsyncIterator[Progress]:
        """What QEMU says, about twice a second, until it switches over. Raises MigrationError when it fails."""
        async for values in self._said():
            if "switching" in values:
                return
            if "data_total" in values:
                yield progress_of(values)

    async def end(self) -> None:
        """Wait until the guest is on the target alone, and resume it there. Raises MigrationError."""
        async for values in self._said():
            if "ended" in values:
                return await LIVE.resume_on_target(self._target, self._spec)
        raise MigrationError(f"{self._source.name}: the live migration's command ended without a word.")

    async def _said(self) -> AsyncIterator[dict[str, str]]:
        assert self._lines is not None
        async for line in self._lines:
            values = dict(pair.split("=", 1) for pair in line.split(";") if "=" in pair)
            self.bytes_on_wire = int(values.get("bytes_on_wire", self.bytes_on_wire))
            if failed := values.get("failed"):
                raise MigrationError(
                    f"{self._spec.service} could not be migrated live: {await self._why(failed)}", log=line
                )
            yield values

    async def _why(self, failed: str) -> str:
        """What the source's libvirt says, and before it what the target refused: the source then sees its connection end."""
        with suppress(MigrationError):
            said = await self._target.call("kvm/refusal", self._spec.migration, limit_s=10)
            if refused := said.get("refused"):
                return f"{self._target.name} ended the connection, since {refused} ({failed})"
        return failed


def progress_of(values: dict[str, str]) -> Progress:
    """From the fields of `virsh domjobinfo --rawstats`; its dirty rate is in pages a second."""

    def number(name: str) -> int:
        return int(values.get(name) or 0)

    total, left = number("data_total"), number("data_remaining")
    changed = number("memory_dirty_rate") * number("memory_page_size")
    sentence = (
        f"Iteration {number('memory_iteration')}: {(total - left) / 1e6:.0f} of {total / 1e6:.0f} MB, "
        f"{number('memory_bps') / 1e6:.1f} MB/s; the guest changes {changed / 1e6:.1f} MB/s; "
        f"expected downtime {number('downtime')} ms"
    )
    # pages of zeros and compression make less of it on the wire, in proportion to what was processed so far
    expected = number("data_processed") * total // max(1, total - left)
    return Progress(sentence, expected)


class QemuLive:
    """QEMU's live migration, as libvirt drives it."""

    def relay(self) -> str:
        return RELAY.read_text()

    def between(self, source: MecHost, target: MecHost, spec: MigrationSpec) -> QemuMigration:
        return QemuMigration(source, target, spec)

    async def abort(self, source: MecHost, spec: MigrationSpec) -> None:
        await source.call("kvm/abort_live", spec.migration, spec.service, limit_s=60)

    async def resume_on_target(self, target: MecHost, spec: MigrationSpec) -> None:
        await target.call("kvm/resume_on_target", spec.migration, spec.service, limit_s=20)


LIVE = QemuLive()
