"""Measures one round of looks at 500 hosts: how long it takes, and what share of a core that is in its rhythm."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.table import Figures

ROOT = Path(__file__).resolve().parents[2]
HOSTS, RHYTHM_S, CORES = 500, 30.0, 0.5
# an ssh server that answers each look as a host with three services does
SERVER = """
import asyncio, asyncssh, sys
from pathlib import Path
folder = Path(sys.argv[1])
ANSWER = "boot_id=one\\ninstance:game-1=RUNNING\\ninstance:game-2=RUNNING\\ninstance:game-3=STOPPED\\nlayer:base/debian-13=here\\n"
async def answer(process):
    await process.stdin.read()
    process.stdout.write(ANSWER)
    process.exit(0)
async def main():
    host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    client.write_private_key(folder / "key")
    (folder / "host_key.pub").write_bytes(host.export_public_key())
    known = asyncssh.import_authorized_keys(client.export_public_key().decode())
    server = await asyncssh.listen("127.0.0.1", 0, server_host_keys=[host], authorized_client_keys=known,
                                   process_factory=answer, backlog=600)
    print(server.get_port(), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
# seconds of a round, and of the processor in it, the second time: the first makes the rows
LOOKS = """
import django, sys, time
django.setup()
from pathlib import Path
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests import factories
from migrations_app.models import Host, HostWatch
from workers import looking
folder, port, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
factories.HostFactory.create_batch(count, address="127.0.0.1", port=port, key_file=str(folder / "key"),
                                   host_key=(folder / "host_key.pub").read_text().strip())
for _ in range(2):
    HostWatch.objects.update(looked_at=None)
    began, worked = time.monotonic(), time.process_time()
    looking.look_at_hosts()
    took_s, worked_s = time.monotonic() - began, time.process_time() - worked
assert HostWatch.objects.filter(missed=0).exclude(answered_at=None).count() == count, "each host answered"
print(took_s, worked_s)
"""


def measure_looks(figures: Figures) -> None:
    """Seconds of a round, and the cores that the looks take when one is made each half a minute."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([sys.executable, "-c", SERVER, folder], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            took_s, worked_s = _round(folder, port)
        finally:
            server.terminate()
            server.wait()
    figures.add(f"looks: a round at {HOSTS} hosts (s)", [took_s], RHYTHM_S)
    figures.add(f"looks: cores that {HOSTS} hosts take, one round each {RHYTHM_S:g} s", [worked_s / RHYTHM_S], CORES)


def _round(folder: str, port: str) -> tuple[float, float]:
    environment = {
        **os.environ,
        "MEC_DATA_DIR": folder,
        "DJANGO_SETTINGS_MODULE": "mecportal.settings",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", LOOKS, folder, port, str(HOSTS)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    took_s, worked_s = (float(word) for word in done.stdout.split()[-2:])
    return took_s, worked_s
