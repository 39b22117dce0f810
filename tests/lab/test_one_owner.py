"""One owner, one lock: a worker that was paused, a database that restarts, clicks at the wrong moment, a full queue."""

import http.cookiejar
import random
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.lab import faults
from tests.lab.site import FINAL, RECIPES, ROOT, Site
from tests.postgresql.server import Server, postgresql_server

pytestmark = pytest.mark.lab
SLOW_MBIT = 3.0
STAGES = ["rsync_app_filesystem", "clone_app_as_instance", "suspend_instance", "restore_instance", "announce"]


@pytest.fixture(scope="module")
def echo(site: Site) -> Iterator[str]:
    """One service for all of it: each test must leave it well enough for the next."""
    site.ok("service", "deploy", "echo-2", "--application", "no-application", "--host", "mec-1")
    yield "echo-2"
    site.ok("service", "remove", "echo-2")


def everything(site: Site, service: str) -> dict[str, Any]:
    """Both ends of it: what runs on each host, what lies there, and what the portal has written down."""
    look = "ls /var/lib/mec/instances; lxc-ls -P /var/lib/mec/instances -f -F NAME,STATE,PID"
    rows = "select status, lease, error, finished_at from migrations_app_migration order by id desc limit 1"
    return {
        **{host: site.shell(host, look) for host in faults.HOSTS},
        "left": site.leftovers(),
        "service": [tuple(row) for row in site.rows("select name, host_id, status from migrations_app_service")],
        "migration": [tuple(row) for row in site.rows(rows)],
    }


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_stood_still_and_wakes_after_its_migration_was_taken_over_touches_nothing(
    site: Site, echo: str, stage: str
) -> None:
    counted = site.count(echo)
    with faults.links_for(site, stage, SLOW_MBIT):
        migration, _source, _target = faults.begin(site, echo, stage)
        with site.paused("worker"):
            ended = site.wait_for_end(migration)
            faults.assert_survived(site, echo, ended, counted)
            before = everything(site, echo)
        stops = f"run_migration({migration},) stops"
        site.wait("the worker that woke up to stop", lambda: stops in site.log_of("worker"), 30)
    time.sleep(1)
    assert everything(site, echo) == before
    faults.assert_it_lives(site, echo, ended, counted)


def test_a_take_over_needs_no_users_side(site: Site, echo: str) -> None:
    counted, source = site.count(echo), site.where(echo)[0]
    with faults.links_of(site, SLOW_MBIT):
        migration, _source, _target = faults.begin(site, echo, "rsync_instance_memory")
        site.shell("user", "pkill -STOP -o sshd")  # takes connections, and says nothing to any of them
        try:
            site.kill("worker")
            ended = site.wait_for_end(migration)
        finally:
            site.shell("user", "pkill -CONT -o sshd")
    assert ended["status"] == "rolled_back", ended["error"]
    assert site.where(echo) == [source]
    faults.assert_it_lives(site, echo, ended, counted)


def test_nor_does_one_whose_deployment_was_ended(site: Site, tmp_path: Path) -> None:
    recipe = (ROOT / "lab/applications/no-application.toml").read_text()
    recipe = recipe.replace('"no-application"', '"slow-build"').replace(
        "command =", 'build = [["sleep", "60"]]\ncommand ='
    )
    (tmp_path / "slow-build.toml").write_text(recipe)
    (tmp_path / "count.py").write_text((ROOT / "lab/applications/count.py").read_text())
    site.ok("application", "add", str(tmp_path / "slow-build.toml"))
    site.begin_command("service", "deploy", "late", "--application", "slow-build", "--host", "mec-1")
    query = "select * from migrations_app_operation where kind = 'deploy' and subject = 'late'"
    building = "test -d /var/lib/mec/incoming/operation-{} && echo yes || true"
    site.wait("the deployment", lambda: site.rows(query) and site.rows(query)[0]["status"] == "running", 30)
    number = site.rows(query)[0]["id"]
    site.wait("its layer to be built", lambda: site.shell("mec-1", building.format(number)), 60)
    with site.paused("worker"):
        site.wait("its end", lambda: site.rows(query)[0]["status"] == "failed", 90)
        assert not site.shell("mec-1", building.format(number))
        before = everything(site, "late")
    site.wait("the worker to stop", lambda: f"run_operation({number},) stops" in site.log_of("worker"), 30)
    assert everything(site, "late") == before
    site.ok("service", "remove", "late")
    site.assert_nothing_is_left()


# clicks at the wrong moment -----------------------------------------------------------------------------------------------
class Operator:
    """One at a browser, without the browser."""

    def __init__(self, site: Site) -> None:
        self._address = f"http://127.0.0.1:{site.port}"
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))
        password = site.ok("portal", "person", f"otto-{id(self)}", "--role", "operator").split()[-1]
        self._opener.open(f"{self._address}/login/").close()
        self.click("/login/", username=f"otto-{id(self)}", password=password)

    def click(self, path: str, **fields: str) -> str:
        """Post a form; the page that comes of it."""
        token = next(cookie.value for cookie in self._cookies if cookie.name == "csrftoken") or ""
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        try:
            with self._opener.open(f"{self._address}{path}", body) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()


def test_stop_start_and_remove_at_any_moment_of_a_migration_are_refused(site: Site) -> None:
    """Ten migrations; in each of them one is asked for at a random moment, on the page or by the command."""
    seed = random.randrange(10**6)
    pick, otto, refused = random.Random(seed), Operator(site), 0
    with faults.links_of(site, 8.0):
        for moment in range(10):
            refused += _ask_at_some_moment(site, otto, pick, f"seed {seed}, moment {moment}")
    assert refused >= 4, f"seed {seed}: most moments came after the end"
    site.ok("service", "remove", _running(site))


def _ask_at_some_moment(site: Site, otto: Operator, pick: random.Random, about: str) -> bool:
    """Whether it was refused; what came after the end may be done."""
    name = _running(site)
    last = site.rows("select coalesce(max(id), 0) as id from migrations_app_migration")[0]["id"]
    operations = site.rows("select coalesce(max(id), 0) as id from migrations_app_operation")[0]["id"]
    counted, target = site.count(name), faults.other(site.where(name)[0])
    otto.click(f"/services/{name}/migrate/", target=target, layers="3")
    migration = site.wait_for_new_migration(after=last)
    verb, by_page = pick.choice(["stop", "start", "remove"]), pick.random() < 0.6
    time.sleep(pick.uniform(0, 3.0 if by_page else 1.0))  # the command takes its time to begin
    said = otto.click(f"/services/{name}/{verb}/") if by_page else str(site.command("service", verb, name))
    ended = site.wait_for_end(migration)
    about += f", {verb} on the {'page' if by_page else 'command line'}: {said[-600:]}"
    asked = site.rows("select * from migrations_app_operation where id > ?", operations)
    assert all(row["requested_at"] >= ended["finished_at"] for row in asked), about
    assert ended["status"] == "succeeded", f"{about}: {ended['error']}"
    if asked:
        return False
    assert "being migrated" in said, about
    assert site.where(name) == [target], about
    faults.assert_it_lives(site, name, ended, counted)
    return True


def _running(site: Site) -> str:
    """A running service that may be stopped or removed: deployed, or started, where the last one was."""
    name = "echo-3"
    site.wait("no work", lambda: not site.rows("select 1 from migrations_app_operation where finished_at is null"))
    rows = site.rows("select status from migrations_app_service where name = ?", name)
    if not rows:
        site.ok("service", "deploy", name, "--application", "no-application", "--host", "mec-1")
    elif rows[0]["status"] == "stopped":
        site.ok("service", "start", name)
    return name


# a full queue -------------------------------------------------------------------------------------------------------------
def test_two_workers_and_thirty_migrations_of_six_services_end_in_order(site: Site) -> None:
    names = [f"queue-{number}" for number in range(6)]
    for number, name in enumerate(names):
        host = faults.HOSTS[number % 3]
        site.ok("service", "deploy", name, "--application", "no-application", "--host", host)
    counted, otto = {name: site.count(name) for name in names}, Operator(site)
    first = site.rows("select coalesce(max(id), 0) as id from migrations_app_migration")[0]["id"]
    command = [sys.executable, "-m", "celery", "-A", "mecportal", "worker", "--queues", "work", "--pool", "threads"]
    command += ["--hostname", "second@%h", "--concurrency", "4", "--without-gossip", "--without-mingle"]
    second = subprocess.Popen(
        command, cwd=ROOT, env=site.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        begun = 0
        while begun < 30 or not all_ended(site, first):
            for name in names:
                if begun < 30 and is_free(site, name):
                    here = faults.HOSTS.index(site.where(name)[0])
                    otto.click(f"/services/{name}/migrate/", target=faults.HOSTS[(here + 1) % 3], layers="3")
                    begun += 1
            time.sleep(0.1)
    finally:
        second.terminate()
        second.wait(60)
    rows = site.rows("select * from migrations_app_migration where id > ? order by id", first)
    assert [row["status"] for row in rows] == ["succeeded"] * 30, [(row["status"], row["error"]) for row in rows]
    for row in rows:
        mine = {row["source_id"], row["target_id"]}
        for older in rows:
            if older["id"] < row["id"] and mine & {older["source_id"], older["target_id"]}:
                assert older["started_at"] <= row["started_at"], f"#{row['id']} overtook #{older['id']}"
    for name in names:
        assert site.count(name) > counted[name]
        site.ok("service", "remove", name)
    site.assert_nothing_is_left()


def is_free(site: Site, name: str) -> bool:
    return not site.rows("select lock from migrations_app_service where name = ?", name)[0]["lock"]


def all_ended(site: Site, after: int) -> bool:
    rows = site.rows("select status from migrations_app_migration where id > ?", after)
    return all(row["status"] in FINAL for row in rows)


# a database that restarts -------------------------------------------------------------------------------------------------
class SiteOnPostgresql(Site):
    """A second portal for the same edge, with a database of its own."""

    server: Server

    def rows(self, query: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.server.url, row_factory=dict_row) as connection:
            return connection.execute(query.replace("?", "%s"), values).fetchall()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def on_postgresql(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteOnPostgresql]:
    with postgresql_server() as server:
        other = SiteOnPostgresql(tmp_path_factory.mktemp("postgresql"), port=site.port + 50, lab=site.lab)
        other.server = server
        other.environment |= {"DATABASE_URL": server.url, "SECRET_KEY": "of a test that nobody else can reach, ever"}
        try:
            other.start_portal()
            other.ok("register_edge")
            # the first portal's services keep their addresses
            cidr = site.rows("select cidr from migrations_app_servicenetwork")[0]["cidr"]
            start = cidr.removesuffix("0/24")
            other.ok("network", cidr, "--first", f"{start}150", "--last", f"{start}160")
            other.ok("application", "add", *RECIPES)
            other.ok("service", "deploy", "ledger", "--application", "no-application", "--host", "mec-1")
            yield other
            other.ok("service", "remove", "ledger")
        finally:
            other.end_portal()


@pytest.mark.parametrize(
    ("stage", "outcomes"),
    [("rsync_instance_memory", {"succeeded"}), ("verify", {"succeeded", "finished_with_problems"})],
    ids=["before the commit", "after the commit"],
)
def test_the_database_restarts_in_the_middle(on_postgresql: SiteOnPostgresql, stage: str, outcomes: set[str]) -> None:
    site = on_postgresql
    counted = site.count("ledger")
    with faults.links_of(site, SLOW_MBIT):
        migration, _source, target = faults.begin(site, "ledger", stage)
        site.server.restart()
        ended = site.wait_for_end(migration)
    assert ended["status"] in outcomes, ended["error"]
    assert site.where("ledger") == [target]
    faults.assert_it_lives(site, "ledger", ended, counted)
