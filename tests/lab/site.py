"""An edge with its portal, driven by the commands that an operator uses: for the lab tests, the browser tests and the bench."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from lab import edge
from lab.kinds import kind_of
from lab.machine import Places
from lab.state import load

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(str(path) for path in (ROOT / "lab/applications").glob("*.toml"))
FINAL = {"succeeded", "finished_with_problems", "rejected", "rolled_back", "cancelled", "stuck"}


class Site:
    """An edge and its portal. Every call is a command of manage.py, as a user types it."""

    hosts: tuple[str, ...] = ("mec-1", "mec-2", "mec-3")
    # how the edge is brought up
    up: tuple[str, ...] = ("--disk-mb", "6000")

    def __init__(self, data: Path, port: int, lab: str = "labsite", kept_seconds: int = 0) -> None:
        self.data = data
        self.port = port
        self.lab = lab
        self.environment = {
            **os.environ,
            "MEC_LAB": lab,
            "MEC_LAB_DIR": f"/var/lib/mecportal-{lab}",
            "MEC_DATA_DIR": str(data),
            "MEC_WEB_PORT": str(port),
            "MEC_STATE_KEPT_SECONDS": str(kept_seconds),
            "MEC_HEARTBEAT_LOST_SECONDS": "6",
            # another edge is tested beside this one: waiting for a quiet machine would be in vain
            "MEC_QUIET_LIMIT_SECONDS": "3",
            "MEC_RUN_AS": "root",
            "PYTHONWARNINGS": "ignore",
        }
        self.portal: subprocess.Popen[bytes] | None = None
        self._starts: dict[str, int] = {}
        self._begun: list[subprocess.Popen[bytes]] = []

    def command(self, *words: str, limit_s: float = 300) -> "subprocess.CompletedProcess[str]":
        """Run manage.py with these words."""
        command = [sys.executable, "manage.py", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=limit_s, check=False
        )

    def ok(self, *words: str, limit_s: float = 300) -> str:
        """The same; it must succeed."""
        done = self.command(*words, limit_s=limit_s)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def migrate(self, service: str, target: str, *how: str, layers: int = 3) -> dict[str, Any]:
        """live_migrate --json, whatever its outcome; the JSON object, with the exit code in `exit_code`."""
        done = self.command("live_migrate", service, "--to", target, "--layers", str(layers), *how, "--json")
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return {**json.loads(done.stdout), "exit_code": done.returncode}

    def begin(self, service: str, target: str, *how: str) -> None:
        """Start live_migrate and do not wait for it; `wait_for_end` does."""
        self.begin_command("live_migrate", service, "--to", target, *how, "--json")

    def begin_command(self, *words: str) -> None:
        """Start a command and do not wait for it."""
        command = [sys.executable, "manage.py", *words]
        with (self.data / "begun.log").open("w") as log:
            begun = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        self._begun.append(begun)

    def inside(self, host: str, *words: str) -> str:
        """Run a command in a machine of the edge; what it printed."""
        places = Places(Path(self.environment["MEC_LAB_DIR"]) / self.lab)
        state = load(places)
        assert state is not None
        machine = state.layout.machine(host)
        argv = kind_of(machine).enter_argv(places, self.lab, machine, words)
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout

    def link(self, host: str, **change: Any) -> None:
        """Cut, fix or reshape a host's backhaul, at once."""
        before = {name: os.environ.get(name) for name in ("MEC_LAB", "MEC_LAB_DIR")}
        os.environ |= {name: self.environment[name] for name in before}
        try:
            edge.link(host, **change)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    def shell(self, host: str, text: str) -> str:
        return self.inside(host, "sh", "-c", text)

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Read the portal's database."""
        with sqlite3.connect(self.data / "portal.sqlite3", timeout=20) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()

    def set_host(self, name: str, **values: str) -> None:
        """Change what the portal believes of a host, as an operator could on its page."""
        with sqlite3.connect(self.data / "portal.sqlite3", timeout=20) as connection:
            for column, value in values.items():
                connection.execute(f"update migrations_app_host set {column} = ? where name = ?", (value, name))

    @staticmethod
    def run_here(*words: str) -> None:
        subprocess.run(words, check=True)

    def last_migration(self) -> sqlite3.Row:
        return self.rows("select * from migrations_app_migration order by id desc limit 1")[0]

    def wait(self, what: str, condition: Callable[[], Any], limit_s: float = 60) -> Any:
        """Wait until something is true, and return it."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.02)
        raise AssertionError(f"waited {limit_s} s in vain for: {what}")

    def wait_for_stage(self, migration: int, stage: str) -> None:
        """Wait until a stage of a migration has begun."""
        query = "select 1 from migrations_app_stagerun where migration_id = ? and name = ? and status != 'waiting'"

        def begun() -> bool:
            if self.rows(query, migration, stage):
                return True
            row = self.rows("select * from migrations_app_migration where id = ?", migration)[0]
            assert row["status"] not in FINAL, f"#{migration} ended before {stage}: {row['status']}: {row['error']}"
            return False

        self.wait(f"stage {stage} of #{migration}", begun, 180)

    def wait_for_new_migration(self, after: int) -> int:
        query = "select id from migrations_app_migration where id > ? and status = 'running'"
        try:
            found = self.wait("a new migration", lambda: self.rows(query, after), 90)
        except AssertionError as error:
            raise AssertionError(f"{error}; the command said: {self.log_of('begun')}") from error
        return int(found[0]["id"])

    def wait_for_end(self, migration: int, limit_s: float = 300) -> sqlite3.Row:
        query = "select * from migrations_app_migration where id = ?"

        def ended() -> sqlite3.Row | None:
            row = self.rows(query, migration)[0]
            return row if row["status"] in FINAL else None

        try:
            row: sqlite3.Row = self.wait(f"the end of #{migration}", ended, limit_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self._how_it_stands(migration)}") from error
        while self._begun:
            self._begun.pop().wait(90)
        return row

    def _how_it_stands(self, migration: int) -> str:
        """What the portal has said of a migration, and of itself at last."""
        query = "select at, message from migrations_app_event where migration_id = ? order by id"
        said = [f"{at} {message}" for at, message in self.rows(query, migration)]
        logs = [
            f"{name}.log: {line}" for name in ("worker", "control") for line in self.log_of(name).splitlines()[-15:]
        ]
        return "\n".join([f"the database is locked: {self._database_is_locked()}", *said, *logs])

    def where(self, service: str) -> list[str]:
        """The hosts on which the service's container or virtual machine runs."""
        query = (
            f"lxc-info -P /var/lib/mec/instances -n {service} -sH 2>/dev/null || true;"
            # on a slow machine Podman takes seconds for an answer
            f"[ ! -e /var/lib/mec/instances/{service}/container ] ||"
            f" podman container inspect --format '{{{{.State.Status}}}}' {service} 2>/dev/null || true;"
            f"virsh -q domstate {service} 2>/dev/null || true"
        )
        return [h for h in self.hosts if "running" in self.shell(h, query).lower()]

    def count(self, service: str) -> int:
        """Ask the service from the user's side; its counter."""
        address = self.rows("select address from migrations_app_service where name = ?", service)[0]["address"]
        # datagrams may be lost, in particular right after the service has moved: ask until it answers
        program = (
            "import socket\n"
            "s = socket.socket(2, 2); s.settimeout(1)\n"
            "for _ in range(15):\n"
            f"    s.sendto(b'count', ('{address}', 7000))\n"
            "    try: print(s.recv(64).decode().split()[1]); break\n"
            "    except TimeoutError: pass\n"
            "else: raise SystemExit('no answer within 15 s')\n"
        )
        return int(self.inside("user", "python3", "-c", program))

    def leftovers(self) -> dict[str, str]:
        """What is on the hosts besides layers and running services: directories, keys, mounts, processes."""
        look = (
            "ls -d /var/lib/mec/incoming/* /var/lib/mec/migrations/* /run/mec-migration-* /run/libvirt/mec-* 2>/dev/null;"
            "grep -o 'mec-migration-.*' /root/.ssh/authorized_keys;"
            "pgrep -af '[c]riu|[r]sync|[s]sh .*-M|[l]xc-checkpoint|[v]irsh.* migrate|[s]ocat|[r]elay.py|[r]ounds.pyz';"
            "for i in /var/lib/mec/instances/*/; do [ -d $i ] || continue; n=$(basename $i);"
            '[ "$(lxc-info -P /var/lib/mec/instances -n $n -sH)" = RUNNING ] || [ "$(virsh -q domstate $n)" = running ] ||'
            '{ [ -e $i/container ] && [ "$(podman container inspect --format {{.State.Status}} $n)" = running ]; }'
            "|| echo stopped instance $n; done 2>/dev/null;"
            "for n in $(virsh -q list --all --name); do [ -d /var/lib/mec/instances/$n ] || echo domain $n; done;"
            "[ -d /var/lib/mec/layers/oci/app ] && for n in $(podman ps -a --format '{{.Names}}' 2>/dev/null); do"
            " [ -d /var/lib/mec/instances/$n ] || echo container $n; done;"
            "for n in $(ls /run/netns 2>/dev/null); do [ -d /var/lib/mec/instances/${n#mec-} ] || echo network $n; done;"
            "ss -Htln sport ge 49152 | grep -w 0.0.0.0;"
            "grep -c ' overlay ' /proc/mounts | sed 's/^/mounts /'; ls -d /var/lib/mec/instances/* | wc -l | sed 's/^/mounts /'"
        )
        return {host: text for host in self.hosts if (text := self._unexpected(self.shell(host, look)))}

    @staticmethod
    def _unexpected(said: str) -> str:
        """Each running instance has one mount; the host's own root is the other one."""
        lines = said.strip().splitlines()
        counts = [int(line.split()[1]) for line in lines if line.startswith("mounts ")]
        rest = [line for line in lines if not line.startswith("mounts ")]
        if len(counts) == 2 and counts[0] - 1 > counts[1]:
            rest.append(f"{counts[0] - 1} overlays mounted for {counts[1]} instances")
        return "\n".join(rest)

    def assert_nothing_is_left(self) -> None:
        """Kept states go away by themselves within seconds here, where they are kept for none."""
        left: dict[str, str] = {}

        def nothing() -> bool:
            left.clear()
            left.update(self.leftovers())
            return not left

        try:
            self.wait("hosts without left-overs", nothing, 60)
        except AssertionError as error:
            raise AssertionError(f"left over: {left}") from error

    def bring_up(self) -> None:
        """A fresh edge, and a portal that knows its hosts and the recipes."""
        self.ok("lab", "down", "--disks")
        self.ok("lab", "up", *self.up, limit_s=900)
        self.start_portal()
        self.ok("register_edge")
        self.ok("application", "add", *RECIPES)

    def start_portal(self) -> None:
        """./manage.py portal up, in the background, until its worker answers."""
        self._starts = {program: self._times_ready(program) + 1 for program in ("worker", "control")}
        command = [sys.executable, "manage.py", "portal", "up"]
        with (self.data / "portal.log").open("ab") as log:
            self.portal = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        self.wait("the portal", self._is_served, 120)

    def _is_served(self) -> bool:
        assert self.portal is not None
        assert self.portal.poll() is None, (self.data / "portal.log").read_text()
        return all(self._times_ready(program) >= times for program, times in self._starts.items())

    def _times_ready(self, program: str) -> int:
        """How often it has said that it is ready: a portal that was started before has written into the same log."""
        return self.log_of(program).count("ready.")

    def log_of(self, program: str) -> str:
        """What one of the portal's programs has written."""
        log = self.data / f"{program}.log"
        return log.read_text() if log.exists() else ""

    def supervised(self, program: str) -> int:
        """The process number of one of the portal's programs."""
        found: int = self.wait(f"{program} to run", lambda: self._pid(program), 90)
        return found

    def _pid(self, program: str) -> int:
        said = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SUPERVISED, str(self.data / "supervisor.sock"), program],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(said.stdout)

    def kill(self, program: str) -> None:
        """SIGKILL one of the portal's programs; supervisor starts it anew."""
        os.kill(self.supervised(program), signal.SIGKILL)

    @contextmanager
    def paused(self, program: str) -> Iterator[None]:
        """One of the portal's programs stands still meanwhile, as in a machine that is suspended.

        Not in the midst of a write to SQLite, whose only lock it would keep: docs/architecture.md, Known limits.
        """
        pid = self.supervised(program)
        try:
            for _again in range(100):
                self._stop(pid)
                if not self._database_is_locked():
                    break
                os.kill(pid, signal.SIGCONT)
                time.sleep(0.01)
            else:
                raise AssertionError(f"{program} held the database's lock whenever it was stopped")
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _stop(self, pid: int) -> None:
        """Until each thread stands: the signal comes at once, and a thread within a system call may take a lock after it."""
        os.kill(pid, signal.SIGSTOP)

        def stands() -> bool:
            threads = Path(f"/proc/{pid}/task").glob("*/stat")
            return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)

        self.wait(f"{pid} to stop", stands, 30)

    def _database_is_locked(self) -> bool:
        with closing(sqlite3.connect(self.data / "portal.sqlite3", timeout=0.5, isolation_level=None)) as database:
            try:
                database.execute("begin immediate")
            except sqlite3.OperationalError:
                return True
            database.execute("rollback")
            return False

    def end_portal(self) -> None:
        """End the portal; its edge stays."""
        for begun in self._begun:
            begun.terminate()
            begun.wait(30)
        if self.portal is not None and self.portal.poll() is None:
            self.portal.send_signal(signal.SIGINT)
            self.portal.wait(150)

    def end(self) -> None:
        self.end_portal()
        self.ok("lab", "down", "--disks")


SUPERVISED = """
import sys, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
proxy = xmlrpc.client.ServerProxy("http://x", transport=SupervisorTransport(None, None, "unix://" + sys.argv[1]))
about = proxy.supervisor.getProcessInfo(sys.argv[2])
print(about["pid"] if about["statename"] == "RUNNING" else 0)
"""
