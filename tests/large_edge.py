"""An edge of 150 hosts with all that may be wrong on it, as fast as the database takes it: for the bench and for tests of pages."""

import random
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection
from django.utils import timezone

from migrations_app.models import (
    Application,
    BaseLayer,
    Host,
    HostFacts,
    HostWatch,
    LayerCopy,
    Migration,
    Operation,
    Service,
    StageRun,
    Storage,
)
from migrations_app.technologies import TECHNOLOGIES
from tests.factories import FACTS, HOST_KEY, RECIPE, STAGES

HOSTS, PROBES, SERVICES, APPLICATIONS, MIGRATIONS = 150, 2, 1500, 300, 30_000
# each so many hosts holds an application's layer
HELD_BY = (2, 45)
TITLES = ("Game server", "Video analytics", "Face detection", "Augmented reality", "Telemetry", "Speech to text")
PLACES = ("Harbour", "Central station", "University", "Stadium", "Airport", "Town hall", "Hospital", "Market")
# of a hundred: most are well
HOST_STATUSES = ["unreachable"] * 4 + ["problem"] * 6 + ["unchecked"] * 3 + ["ready"] * 87
SERVICE_STATUSES = ["crashed"] * 2 + ["failed"] + ["unknown"] + ["stopped"] * 8 + ["deploying"] + ["running"] * 87
OUTCOMES = (
    ["succeeded"] * 88 + ["rolled_back"] * 5 + ["cancelled"] * 3 + ["rejected"] * 2 + ["finished_with_problems"] * 2
)
ACTIVE, STUCK = 12, 5


def large_edge(migrations: int = MIGRATIONS, stages_each: int = 0, size: float = 1.0) -> None:
    """All of it; `size` makes all but the migrations fewer."""
    pick = random.Random(7)
    hosts = _hosts(pick, max(4, int(HOSTS * size)), pick_from=HOST_STATUSES)
    applications = _applications(pick, max(2, int(APPLICATIONS * size)))
    _layers(pick, hosts, applications)
    services = _services(pick, hosts, applications, max(20, int(SERVICES * size)))
    made = _migrations(pick, hosts, services, migrations)
    _stages(pick, made, stages_each)
    Operation.objects.bulk_create(
        Operation(kind="check_host", host=host, subject=host.name, status="running", message="Asking for its facts.")
        for host in hosts[:6]
    )
    # as a database has done by itself where so much came over months
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _hosts(pick: random.Random, count: int, pick_from: list[str]) -> list[Host]:
    now = timezone.now()
    hosts = Host.objects.bulk_create(
        Host(
            name=f"edge-{number:03}",
            address=f"10.20.{number // 200}.{number % 200 + 10}",
            backhaul_address=f"10.21.{number // 200}.{number % 200 + 10}",
            key_file="/etc/mec/key",
            host_key=HOST_KEY,
            bandwidth_mbit=pick.choice([100, 1000, 10_000]),
            place=pick.choice(PLACES),
            # one at least that does not answer
            status="unreachable" if number == count - 2 else pick.choice(pick_from),
        )
        for number in range(count)
    )
    probes = (Host(name=f"user-{number}", role="user", address=f"10.22.0.{number + 10}", key_file="/etc/mec/key",
                   status="ready") for number in range(PROBES))  # fmt: skip
    Host.objects.bulk_create(probes)
    HostFacts.objects.bulk_create(
        HostFacts(
            host=host,
            gathered_at=now,
            values=FACTS | {"instances": {f"service-{number:04}": "RUNNING" for number in range(10)}},
            problems=[{"what": "The clock is not set by anybody.", "fix": "apt-get install chrony"}]
            if host.status == "problem"
            else [],
        )
        for host in hosts
        if host.status != "unchecked"
    )
    HostWatch.objects.bulk_create(
        HostWatch(
            host=host,
            looked_at=now,
            answered_at=now - timedelta(hours=3) if host.status == "unreachable" else now,
            unreachable_since=now - timedelta(hours=3) if host.status == "unreachable" else None,
        )
        for host in hosts
    )
    return hosts


def _applications(pick: random.Random, count: int) -> list[Application]:
    return Application.objects.bulk_create(
        Application(
            name=f"application-{number:03}",
            title=f"{pick.choice(TITLES)} {number}",
            base_name="debian-13",
            recipe=RECIPE | {"name": f"application-{number:03}", "memory_mb": pick.choice([128, 256, 1024])},
            recipe_digest=f"{pick.getrandbits(256):064x}",
        )
        for number in range(count)
    )


def _layers(pick: random.Random, hosts: list[Host], applications: list[Application]) -> None:
    copies, now = [], timezone.now()
    for kind in TECHNOLOGIES:
        base = BaseLayer.objects.create(name="debian-13", kind=kind, digest="cd" * 16, size_bytes=310_000_000)
        copies += [
            # one host has another base than all others
            LayerCopy(host=host, base=base, kind=kind, name="debian-13", digest=("ab" if host == hosts[3] else "cd") * 16,
                      size_bytes=310_000_000, origin="provisioned", came_at=now)
            for host in hosts
        ]  # fmt: skip
    for application in applications:
        kind, storage = pick.choice(list(TECHNOLOGIES)), pick.choice(Storage.values)
        digest, size_bytes = f"{pick.getrandbits(128):032x}", pick.randrange(1_000_000, 900_000_000)
        copies += [
            LayerCopy(host=host, application=application, kind=kind, storage=storage, name=application.layer_name,
                      digest=digest, size_bytes=size_bytes, origin=pick.choice(["built", "migrated"]), came_at=now)
            for host in pick.sample(hosts, min(len(hosts), pick.randint(*HELD_BY)))
        ]  # fmt: skip
    LayerCopy.objects.bulk_create(copies, batch_size=2000)


def _services(pick: random.Random, hosts: list[Host], applications: list[Application], count: int) -> list[Service]:
    rows = []
    for number in range(count):
        host = pick.choice(hosts)
        status = pick.choice(SERVICE_STATUSES)
        rows.append(
            Service(
                name=f"service-{number:04}",
                application=pick.choice(applications),
                host=host,
                kind=pick.choice(list(TECHNOLOGIES)),
                address=f"10.23.{number // 200}.{number % 200 + 10}",
                hardware_address=f"02:4d:00:00:{number // 256:02x}:{number % 256:02x}",
                status="unreachable" if host.status == "unreachable" and status == "running" else status,
            )
        )
    return Service.objects.bulk_create(rows, batch_size=2000)


def _migrations(pick: random.Random, hosts: list[Host], services: list[Service], count: int) -> list[Migration]:
    now = timezone.now()
    # a service moves once at a time
    moving = [services[0], *pick.sample(services[1:], min(ACTIVE, len(services) - 1))]
    active, stuck = min(ACTIVE, count // 2), min(STUCK, count // 4)
    rows = []
    for number in range(count):
        left = count - number
        status = "running" if left <= active else "stuck" if left <= active + stuck else pick.choice(OUTCOMES)
        service = moving[left] if status == "running" else pick.choice(services)
        rows.append(_migration(pick, pick.sample(hosts, 2), service, status, now - timedelta(minutes=left)))
    made = Migration.objects.bulk_create(rows, batch_size=2000)
    for one in made[-active:]:
        Service.objects.filter(pk=one.service_id).update(lock=f"migration {one.pk}")
    return made


def _migration(pick: random.Random, between: list[Host], service: Service, status: str, begun: datetime) -> Migration:
    ended, layers = status != "running", pick.choice([2, 3])
    return Migration(
        service=service,
        service_name=service.name,
        application_name=service.application.name,
        source=between[0],
        target=between[1],
        kind=service.kind,
        layers=layers,
        status=status,
        state_held=status == "stuck",
        app_found=None if layers == 2 else pick.random() < 0.5,
        started_at=begun,
        finished_at=begun + timedelta(seconds=5) if ended else None,
        total_s=4.5 + pick.random() if ended else None,
        downtime_s=1 + pick.random() / 2 if ended else None,
        probe_downtime_s=1.1 + pick.random() / 2 if ended else None,
        bytes_on_wire=pick.randrange(1_000_000, 40_000_000) if ended else None,
    )


def _stages(pick: random.Random, made: list[Migration], stages_each: int) -> None:
    """Those of each migration; of one that runs, always the stage that it is in."""
    running = [one for one in made if one.status == "running"]
    rows = (
        _stage(one, position, "done", seconds=STAGES[position][4] * (0.8 + pick.random() / 2))
        for one in made
        if one.status != "running"
        for position in range(stages_each)
    )
    while some := list(islice(rows, 20_000)):
        StageRun.objects.bulk_create(some, batch_size=5000)
    StageRun.objects.bulk_create(_stage(one, 7, "running") for one in running)


def _stage(made: Migration, position: int, status: str, seconds: float | None = None) -> StageRun:
    name, title, paper_title, down, _seconds, sent = STAGES[position]
    return StageRun(
        migration=made, position=position, name=name, title=title, paper_title=paper_title, in_downtime=down,
        status=status, started_at=made.started_at, seconds=seconds, bytes_on_wire=sent,
    )  # fmt: skip
