"""Small factories: one line makes a row that could be real."""

import random
from datetime import timedelta
from typing import Any

import factory
from django.contrib.auth.models import Group, User
from django.utils import timezone

from migrations_app import actions
from migrations_app.access import OPERATORS
from migrations_app.models import (
    Application,
    BaseLayer,
    Cell,
    Event,
    Experiment,
    Host,
    HostFacts,
    LayerCopy,
    Migration,
    Operation,
    ProbeSample,
    Service,
    ServiceNetwork,
    StageRun,
)
from migrations_app.technologies.ways import THREE_LAYERS
from workers.plans import PLANS

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP3u0m3YxqUqM7Yx1l3Yb5V9oB0cK1m8pZg4y7mFQk2d"
RECIPE = {
    "name": "game-server",
    "base": "debian-13",
    "command": ["/usr/games/cube2-server"],
    "debian_packages": ["cube2-server"],
    "user": "nobody",
    "memory_mb": 128,
    "probe": {"protocol": "udp", "port": 28785, "payload": "?"},
}
# usual seconds and bytes
USUAL = {
    "check": (0.2, 0),
    "prepare": (0.1, 0),
    "clone_base_as_app": (0.15, 0),
    "rsync_app_filesystem": (2.5, 28_000_000),
    "clone_app_as_instance": (0.12, 0),
    "suspend_instance": (0.18, 0),
    "rsync_instance_filesystem": (0.25, 400_000),
    "rsync_instance_memory": (0.4, 3_500_000),
    "restore_instance": (0.2, 0),
    "announce": (0.02, 0),
    "verify": (0.1, 0),
    "clean_up_source": (0.15, 0),
}
# (name, title, paper's title, in the downtime, usual seconds, usual bytes)
STAGES = tuple(
    (stage.name, stage.title, stage.paper_title, stage.down, *USUAL[stage.name]) for stage in PLANS[THREE_LAYERS.key]
)


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"person{n}")


def operator(name: str = "olga") -> User:
    """One who acts."""
    user = UserFactory(username=name)
    user.groups.add(Group.objects.get(name=OPERATORS))
    return user


def viewer(name: str = "vera") -> User:
    """One who only sees."""
    return UserFactory(username=name)


class HostFactory(factory.django.DjangoModelFactory[Host]):
    class Meta:
        model = Host

    name = factory.Sequence(lambda n: f"mec-{n + 1}")
    address = factory.Sequence(lambda n: f"10.0.{n // 200}.{n % 200 + 10}")
    backhaul_address = factory.Sequence(lambda n: f"10.1.{n // 200}.{n % 200 + 10}")
    key_file = "/etc/mec/key"
    host_key = HOST_KEY
    status = "ready"


class ApplicationFactory(factory.django.DjangoModelFactory[Application]):
    class Meta:
        model = Application

    name = "game-server"
    title = "Cube 2 game server"
    base_name = "debian-13"
    recipe = RECIPE
    recipe_digest = "ab" * 32


class ServiceFactory(factory.django.DjangoModelFactory[Service]):
    class Meta:
        model = Service

    name = factory.Sequence(lambda n: f"game-{n + 1}")
    application = factory.SubFactory(ApplicationFactory)
    host = factory.SubFactory(HostFactory)
    address = factory.Sequence(lambda n: f"10.2.{n // 200}.{n % 200 + 10}")
    hardware_address = factory.Sequence(lambda n: f"02:4d:00:00:{n // 256:02x}:{n % 256:02x}")
    status = "running"


FACTS: dict[str, Any] = {
    "kernel": "6.1.0-28-amd64",
    "cpu_model": "Common KVM processor",
    "cpu_flags": "fpu sse sse2 avx avx2 xsave",
    "cores": 2,
    "cgroup_mode": "unified",
    "lxc_version": "6.0.4",
    "criu_version": "4.1",
    "criu_check": "Looks good.",
    "rsync_version": "3.4.1",
    "disk_free_bytes": 42_000_000_000,
    "memory_free_bytes": 3_100_000_000,
    "memory_total_bytes": 4_100_000_000,
    "clock_offset_ms": 0.4,
}


def facts(host: Host, problems: list[dict[str, str]] | None = None, **changed: Any) -> HostFacts:
    """What a check found."""
    return HostFacts.objects.create(
        host=host, gathered_at=timezone.now(), values=FACTS | changed, problems=problems or []
    )


def base_on(*hosts: Host, digest: str = "cd" * 16) -> None:
    """The base layer on these hosts."""
    base, _made = BaseLayer.objects.get_or_create(
        name="debian-13", kind="lxc", defaults={"digest": digest, "size_bytes": 310_000_000}
    )
    for host in hosts:
        LayerCopy.objects.create(
            host=host, base=base, name="debian-13", digest=digest, size_bytes=310_000_000, origin="provisioned"
        )


def application_on(application: Application, *hosts: Host, origin: str = "built") -> None:
    """The application's layer on these hosts."""
    for host in hosts:
        LayerCopy.objects.create(
            host=host,
            application=application,
            storage="overlay",
            name=application.layer_name,
            digest="ef" * 16,
            size_bytes=28_000_000,
            origin=origin,
        )


def ready_edge() -> tuple[Service, Host]:
    """A running service and a host that it can move to: nothing forbids it."""
    application = Application.objects.filter(name="game-server").first() or ApplicationFactory()
    service, target = ServiceFactory(application=application), HostFactory()
    for host in (service.host, target):
        facts(host)
    base_on(service.host, target)
    application_on(application, service.host)
    return service, target


def network() -> ServiceNetwork:
    return ServiceNetwork.objects.create(cidr="10.0.2.0/24", first_address="10.0.2.10", last_address="10.0.2.200")


def migration(service: Service, target: Host, **changed: Any) -> Migration:
    """A migration that succeeded; what is passed is otherwise."""
    begun = timezone.now() - timedelta(minutes=5)
    values: dict[str, Any] = {
        "service": service,
        "service_name": service.name,
        "application_name": service.application.name,
        "source": service.host,
        "target": target,
        "status": "succeeded",
        "app_found": False,
        "started_at": begun,
        "finished_at": begun + timedelta(seconds=4.5),
        "total_s": 4.5,
        "downtime_s": 1.05,
        "probe_downtime_s": 1.12,
        "bytes_on_wire": 31_900_000,
        "forecast": {"total_s": 4.1, "downtime_s": 1.0, "bytes_on_wire": 32_000_000, "basis": "sizes", "runs": 0},
    }
    made = Migration.objects.create(**values | changed)
    if made.is_active:
        Service.objects.filter(pk=service.pk).update(lock=f"migration {made.pk}")
    Event.objects.create(migration=made, kind="queued", message="Waiting for a worker.")
    return made


def stages(made: Migration, running: str = "") -> None:
    """Its stages; up to `running` when one is named."""
    at, state = made.started_at, "done"
    for position, (name, title, paper_title, down, seconds, sent) in enumerate(STAGES):
        if name == running:
            state = "running"
        elif state == "running":
            state = "waiting"
        skipped = bool(made.app_found and name in ("clone_base_as_app", "rsync_app_filesystem"))
        StageRun.objects.create(
            migration=made,
            position=position,
            name=name,
            title=title,
            paper_title=paper_title,
            in_downtime=down,
            status="skipped" if skipped else state,
            started_at=at if state != "waiting" else None,
            seconds=seconds if state == "done" and not skipped else None,
            bytes_on_wire=0 if skipped or state == "waiting" else sent if state == "done" else sent // 3,
            bytes_expected=sent or None,
        )
        if at is not None and not skipped:
            at += timedelta(seconds=seconds)


def samples(made: Migration, until_s: float = 4.5, dark: tuple[float, float] = (3.1, 4.2)) -> None:
    """The probe's answers, none while the service is dark."""
    random.seed(made.pk)
    times = [step * 0.02 for step in range(int(until_s / 0.02))]
    rows = [
        [
            round(at, 3),
            None if dark[0] < at < dark[1] else round(random.gauss(52, 3), 2),
            None if dark[0] < at < dark[1] else step,
        ]
        for step, at in enumerate(times)
    ]
    for begin in range(0, len(rows), 50):
        ProbeSample.objects.create(migration=made, samples=rows[begin : begin + 50])


def operation(**about: Any) -> Operation:
    return Operation.objects.create(**{"kind": "check_host", "subject": "mec-1", "status": "succeeded"} | about)


def ended(work: Operation, succeeded: bool = True) -> Operation:
    """A queued one, as a worker takes and ends it."""
    claimed = actions.claim_operation(operation_id=work.pk)
    assert claimed is not None
    actions.finish_operation(operation=claimed, succeeded=succeeded, message="done" if succeeded else "It failed.")
    claimed.refresh_from_db()
    return claimed


def experiment(source: Host, target: Host, **changed: Any) -> Experiment:
    """One of two cells, of which the first is measured."""
    values: dict[str, Any] = {"design": "table-1", "runs": 3, "source": source, "target": target, "status": "finished"}
    made = Experiment.objects.create(**values | changed)
    about = {
        "experiment": made,
        "application_name": "game-server",
        "kind": "lxc",
        "storage": "overlay",
        "method": "save",
    }
    Cell.objects.create(position=1, layers=3, app_found=True, status="done", bandwidth_mbit=100, **about)
    Cell.objects.create(position=2, layers=2, app_found=False, bandwidth_mbit=100, **about)
    return made


def many_migrations(count: int = 10_000, stages_each: int = len(STAGES)) -> None:
    """So many migrations with their stages, as fast as the database takes them."""
    services = [ready_edge()[0] for _ in range(4)] if not Service.objects.exists() else list(Service.objects.all())
    hosts = list(Host.objects.mec())
    now, pick = timezone.now(), random.Random(7)
    rows = []
    for number in range(count):
        service = services[number % len(services)]
        source, target = pick.sample(hosts, 2)
        layers = 2 + number % 2
        rows.append(
            Migration(
                service=service,
                service_name=service.name,
                application_name=("game-server", "video-streaming", "face-detection")[number % 3],
                source=source,
                target=target,
                layers=layers,
                status=pick.choice(["succeeded"] * 8 + ["rolled_back", "cancelled"]),
                app_found=None if layers == 2 else bool(number % 4 < 2),
                started_at=now - timedelta(minutes=number),
                finished_at=now - timedelta(minutes=number) + timedelta(seconds=5),
                total_s=4.5 + pick.random(),
                downtime_s=1 + pick.random() / 2,
                probe_downtime_s=1.1 + pick.random() / 2,
                bytes_on_wire=pick.randrange(1_000_000, 40_000_000),
            )
        )
    made = Migration.objects.bulk_create(rows, batch_size=2000)
    StageRun.objects.bulk_create(
        (
            StageRun(
                migration=one,
                position=position,
                name=name,
                title=title,
                paper_title=paper,
                in_downtime=down,
                status="done",
                started_at=now,
                seconds=seconds * (0.8 + pick.random() / 2),
                bytes_on_wire=sent,
            )  # fmt: skip
            for one in made
            for position, (name, title, paper, down, seconds, sent) in enumerate(STAGES[:stages_each])
        ),
        batch_size=5000,
    )
