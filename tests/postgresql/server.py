"""A real PostgreSQL for one run, on a socket that only it knows."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a server with nothing in it; the URL of its database. All of it is thrown away at the end."""
    with postgresql_server() as server:
        yield server.url


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    restart: Callable[[], None]  # at once, as after a crash: every connection breaks


@contextmanager
def postgresql_server() -> Iterator[Server]:
    """The same, with the means to restart it."""
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
    control = (
        str(programs / "pg_ctl"),
        "-D",
        str(data),
        "-o",
        options,
        "-l",
        str(home / "log"),
        "-w",
        "-m",
        "immediate",
    )
    as_postgres(*control, "start")
    try:
        as_postgres(str(programs / "createdb"), "-h", str(home), "-U", "mec", "mec")
        url = f"postgres://mec@{str(home).replace('/', '%2F')}/mec"
        yield Server(url, lambda: as_postgres(*control, "restart"))
    finally:
        as_postgres(*control, "stop")
        shutil.rmtree(home)
