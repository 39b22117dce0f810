"""Two hosts made of flags, for the engine's table alone. They know each script by name and explode on any other."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from workers.engine import LeaseLost
from workers.guests import GUESTS
from workers.hosts.base import CommandFailed, Endpoint

LAYER = "echo-0123456789ab"


class WorkerDied(BaseException):
    """SIGKILL, as far as a process can feel it: nothing below catches it."""


@dataclass
class Fault:
    """What goes wrong: at which script on which host, and how."""

    script: str
    host: str
    mode: str  # fails, fails_late, hangs, dies, dies_late, is_cancelled
    times: int = 1
    after: int = 0  # so many calls go well before


@dataclass
class FakeHost:
    """One host's end of the world. `call` changes the flags as the real script would change the host."""

    name: str
    faults: list[Fault] = field(default_factory=list)
    journal: Any = None
    running: bool = False
    frozen: bool = False  # suspended: it stands still until it is ended or goes on
    instance: bool = False
    saved: bool = False
    kept_instance: bool = False
    app_layer: bool = False
    key: bool = False
    connected: bool = False
    incoming: set[str] = field(default_factory=set)
    went_on: bool = False
    received: bool = False  # whole, and paused
    receiving: bool = False  # a live migration may come in
    copying: bool = False  # a live migration goes out
    calls: list[str] = field(default_factory=list)
    lease_lost: bool = False  # of the worker that asks
    asked_without_lease: int = 0
    peer: "FakeHost | None" = None
    round_bytes: int = 900  # that each round of an iterative migration has to send
    definition: str = ""  # of the virtual machine, as its script prints it

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.name, "127.0.0.1", 22, "root", "key", "ssh-ed25519 AAAA", "10.0.1.1", 100, "br-access")

    async def call(self, script: str, *arguments: str | int, stdin: str = "", limit_s: float = 30) -> dict[str, str]:
        if self.lease_lost:
            self.asked_without_lease += 1
            raise LeaseLost
        self.calls.append(script)
        # what a script does to a host is the same for all kinds, as far as flags can tell
        kinds = "|".join(GUESTS)
        name = re.sub(f"^({kinds})/", "guest/", re.sub(f"^({kinds})/layers/", "layers/", script))
        effect = getattr(self, name.replace("/", "_"), None)
        assert effect is not None, f"the fake host does not know {script}"
        fault = next((f for f in self.faults if (f.script, f.host) == (script, self.name) and f.times), None)
        if fault is None or fault.after:
            if fault is not None:
                fault.after -= 1
            return effect(*arguments) or {}
        fault.times -= 1
        return await self._go_wrong(fault, lambda: effect(*arguments) or {})

    async def _go_wrong(self, fault: Fault, effect: Any) -> dict[str, str]:
        if fault.mode in ("fails_late", "dies_late", "hangs_late"):
            effect()
        if fault.mode == "breaks_off":  # after its mark, before what it is for
            self.went_on = True
        if fault.mode.startswith("dies"):
            raise WorkerDied
        if fault.mode.startswith("hangs"):
            await asyncio.sleep(3600)
        if fault.mode == "is_cancelled":
            self.journal.cancel = True
            await asyncio.sleep(1)  # long enough for an interruptible stage to be broken into
            return effect()
        raise CommandFailed(self.name, fault.script, 1, "it was made to fail")

    @asynccontextmanager
    async def talk(self, script: str, *arguments: str | int, stdin: str = "") -> AsyncIterator["FakeHost"]:
        """With the sender of an iterative migration, who is the host itself here."""
        await self.call(script, *arguments)
        yield self

    async def ask(self, line: str, *, limit_s: float) -> dict[str, Any]:
        return await self.call(f"ask/{line.partition(' ')[0]}")

    async def stream(self, script: str, *arguments: str | int, program: str = "") -> AsyncIterator[str]:
        """QEMU's own migration: it goes on in the host when nobody reads it any more, until it is aborted."""
        assert script == "kvm/migrate_live" and self.peer is not None and self.peer.receiving and self.connected
        fault = next((f for f in self.faults if f.script == script and f.times), None)
        if fault is not None:
            fault.times -= 1
        self.copying = True
        yield "data_total=100;data_remaining=50;data_processed=20;memory_iteration=1;bytes_on_wire=20"
        if fault is not None and fault.mode in ("fails", "dies", "hangs", "is_cancelled"):
            if fault.mode == "fails":
                self.copying = False
                yield "failed=it was made to fail;bytes_on_wire=20"
            if fault.mode == "dies":
                raise WorkerDied
            self.journal.cancel = fault.mode == "is_cancelled"
            await asyncio.sleep(3600)
        yield "switching=yes;bytes_on_wire=40"
        self.copying = self.running = False
        self.peer.received, self.peer.receiving = True, False
        if fault is not None and fault.mode == "finish_lost":  # libvirt resumes the guest at the source then
            self.running = True
            yield "failed=client socket is closed;bytes_on_wire=40"
        if fault is not None and fault.mode == "dies_late":
            raise WorkerDied
        if fault is not None and fault.mode == "fails_late":
            yield "failed=the connection broke at the last moment;bytes_on_wire=40"
        yield "ended=yes;bytes_on_wire=50"

    # what each script does, as flags ----------------------------------------------------------------------------------
    def guest_check_source(self, *_: Any) -> dict[str, str]:
        app = {"app_path": "layers/app", "app_digest": "d1", "app_bytes": "10"} if self.app_layer else {}
        state = "RUNNING" if self.running else "STOPPED"
        return {**_COMMON, **app, "state": state, "memory_bytes": "1000", "instance_bytes": "10"}

    def guest_check_target(self, *_: Any) -> dict[str, str]:
        state = "RUNNING" if self.running else "ABSENT"
        free = "exists" if self.instance else "free"
        digest = "d1" if self.app_layer else ""
        return {**_COMMON, "app_digest": digest, "app_bytes": "10", "instance": free, "state": state}

    def transfer_open_source(self, *_: Any) -> dict[str, str]:
        self.key = True
        return {"public_key": "ssh-ed25519 BBBB"}

    def transfer_open_target(self, *_: Any) -> None:
        self.key = True
        self.incoming = {"."}

    def transfer_connect(self, *_: Any) -> None:
        self.connected = True

    def transfer_send(self, *arguments: Any) -> dict[str, str]:
        assert self.connected and self.peer is not None and self.peer.key, "sent without a way"
        self.peer.incoming |= {str(place) for place in arguments[8::3]}
        return {"bytes_rsync": "100", "bytes_on_wire": "120"}

    def guest_rounds_send(self, *_: Any) -> None:
        assert self.connected and self.running, "copied before the hosts are connected"

    def guest_rounds_slow(self, *_: Any) -> None:
        assert self.running

    def ask_round(self) -> dict[str, Any]:
        assert self.running and self.peer is not None and "instance" in self.peer.incoming
        self.peer.incoming.add("instance/saved/round")
        return {"read": 1000, "changed": 1000, "sent": self.round_bytes, "wire": 950}

    def ask_rest(self) -> dict[str, Any]:
        assert self.frozen and self.peer is not None, "the rest was sent while it went on changing"
        self.peer.incoming.add("instance/saved/state")
        return {"digest": "s1", "bytes": 50, "wire": 60}

    def transfer_close_source(self, *_: Any) -> None:
        self.key = self.connected = False

    def transfer_close_target(self, _migration: Any, _user: Any, came: str = "remove") -> None:
        self.key, self.incoming = False, self.incoming if came == "keep" else set()

    def layers_clone_base_as_app(self, *_: Any) -> None:
        self.incoming.add("layer")

    def layers_keep_layer(self, *_: Any) -> dict[str, str]:
        assert self.incoming & {"layer/rootfs", "layer/image"}
        self.app_layer = True
        return {"bytes": "10"}

    def layers_clone_instance(self, *_: Any) -> None:
        self.incoming.add("instance")

    def guest_suspend(self, *_: Any) -> dict[str, str]:
        assert self.running, "suspended while it does not run"
        self.running, self.frozen, self.saved = False, True, True
        return {"digest": "s1", "bytes": "50", **self.guest_describe()}

    def guest_resume(self, *_: Any) -> None:
        if not (self.running or self.frozen or self.saved):
            raise CommandFailed(self.name, "lxc/resume", 1, "its state was not saved whole")
        assert self.peer is not None and not (self.peer.running or self.peer.went_on), "its past was brought back"
        self.running, self.frozen, self.saved = True, False, False

    def restart(self) -> None:
        """The host goes down and comes up: only what lies on its disk is there."""
        self.running = self.frozen = self.received = self.connected = False

    def guest_restore(self, *_: Any) -> None:
        assert "instance/saved/state" in self.incoming, "restored without its memory"
        assert not self.instance
        self.incoming.discard("instance")
        self.instance = self.running = self.went_on = True

    def guest_undo_restore(self, *_: Any) -> None:
        assert not self.went_on, "undone where it went on"
        self.running = self.instance = self.received = self.receiving = False

    def guest_describe(self, *_: Any) -> dict[str, str]:
        assert self.peer is not None
        return {"definition": self.definition or self.peer.definition}

    def guest_refusal(self, *_: Any) -> dict[str, str]:
        return {}

    def guest_receive_live(self, *_: Any) -> None:
        assert "instance" in self.incoming and not self.instance
        self.incoming.discard("instance")
        self.instance = self.receiving = True

    def guest_forward_live(self, *_: Any) -> None:
        assert self.connected

    def guest_resume_on_target(self, *_: Any) -> None:
        assert self.received or self.running
        self.received, self.running, self.went_on = False, True, True

    def guest_abort_live(self, *_: Any) -> None:
        self.copying = False

    def guest_check_cpu(self, *_: Any) -> None:
        return None

    def guest_locate(self, *_: Any) -> dict[str, str]:
        return {
            "state": self._state(),
            "saved": "yes" if self.saved else "no",
            "went_on": "yes" if self.went_on else "no",
        }

    def _state(self) -> str:
        if self.running:
            return "RUNNING"
        if self.received:  # its mark is written before it is resumed
            return "FROZEN" if self.went_on else "RECEIVED"
        return "FROZEN" if self.frozen else "STOPPED"

    def guest_announce(self, *_: Any) -> None:
        assert self.running, "announced where it does not run"

    def guest_settle_target(self, *_: Any) -> None:
        assert self.running

    def guest_clean_up_source(self, *_: Any) -> None:
        assert not self.running, "ended while it runs"
        self.frozen = False
        self.instance, self.kept_instance = False, True


_COMMON = {
    "qemu_version": "10.0.13",
    "libvirt_version": "11.3.0",
    "virttype": "qemu",
    "machine": "pc-q35-10.0",
    "machines": "q35 pc-q35-10.0",
    "acceleration": "tcg",
    "criu_version": "4.2",
    "toy_version": "1.2",
    "podman_version": "5.4.2",
    "runc_version": "1.1.15",
    "lxc_version": "6.0.4",
    "cpu_flags": "sse avx",
    "base_digest": "b1",
    "disk_free_bytes": "10000000000",
    "memory_free_bytes": "10000000000",
    "backhaul_interface": "backhaul0",
}


class Locked(Exception):
    """django.db.OperationalError, which the engine does not know: database is locked."""


@dataclass
class Trouble:
    """What becomes of the journal's writes from one of them on: `times` fail, with or without having been written; or the
    lease is lost, and with it every later one."""

    first: int
    times: float = 1
    written: bool = False
    lease_lost: bool = False

    def hits(self, number: int) -> bool:
        return self.first <= number < self.first + self.times


class FakeJournal:
    """Keeps what was written; `cancel` and `committed` are the database's columns."""

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.lines: list[str] = []
        self.begun: list[int] = []
        self.problems: list[str] = []
        self.cancel = False
        self.committed = False
        self.made: dict[str, Any] = {}
        self.trouble = trouble
        self.lost_lease: Callable[[], None] = lambda: None
        self.writes = 0

    def _write(self, change: Callable[[], Any] = lambda: None) -> Any:
        self.writes += 1
        trouble = self.trouble if self.trouble and self.trouble.hits(self.writes) else None
        if trouble and trouble.lease_lost:
            self.lost_lease()
            raise LeaseLost
        done = change() if trouble is None or trouble.written else None
        if trouble:
            raise Locked("database is locked")
        return done

    def _line(self, line: str) -> None:
        self._write(lambda: self.lines.append(line))

    async def stage_started(self, position: int) -> None:
        self._write(lambda: (self.begun.append(position), self.lines.append(f"started {position}")))

    async def stage_finished(self, position: int) -> None:
        self._line(f"finished {position}")

    async def stage_skipped(self, position: int) -> None:
        self._line(f"skipped {position}")

    async def stage_failed(self, position: int, sentence: str) -> None:
        self._line(f"failed {position}")

    async def stage_undone(self, position: int) -> None:
        self._line(f"undone {position}")

    async def undo_failed(self, position: int, sentence: str) -> None:
        self._line(f"undo failed {position}")

    async def cancel_requested(self) -> bool:
        return self.cancel

    async def commit(self) -> bool:
        def change() -> bool:
            self.committed = not self.cancel
            return self.committed

        return bool(self._write(change))

    async def problem(self, sentence: str, log: str = "") -> None:
        self.problems.append(sentence)  # kept by the worker, whether it can be written or not
        self._write()

    async def remember(self, made: dict[str, Any]) -> None:
        def change() -> None:
            self.made = dict(made)

        self._write(change)
