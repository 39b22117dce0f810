"""A real PostgreSQL for one run, on a socket that only it knows."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a server with nothing in it; the URL of its database. All of it is thrown away at the end."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    home = Path(tempfile.mkdtemp(prefix="mec-postgresql-"))  # below pytest's own directory only its user may look
    home.chmod(0o755)
    data = home / "data"
    data.mkdir()
    subprocess.run(["chown", "-R", "postgres", str(home)], check=True)

    def as_postgres(*words: str) -> None:
        subprocess.run(["runuser", "-u", "postgres", "--", *words], check=True, stdout=subprocess.DEVNULL)

    as_postgres(str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "mec", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
    as_postgres(str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(home / "log"), "-w", "start")
    try:
        as_postgres(str(programs / "createdb"), "-h", str(home), "-U", "mec", "mec")
        yield f"postgres://mec@{str(home).replace('/', '%2F')}/mec"
    finally:
        as_postgres(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(home)
