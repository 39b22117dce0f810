"""The same things for programs, under /api/: session and CSRF token as on the pages; schema: /api/openapi.json."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import NinjaAPI, Schema, Status
from ninja.errors import HttpError
from ninja.security import SessionAuth
from pydantic import Field

from migrations_app import actions
from migrations_app.access import get_migration_for, get_service_for, must_operate, operator_of
from migrations_app.deciding import decide
from migrations_app.filters import MigrationFilter, PageFilter, TimelineFilter
from migrations_app.models import Application, Host, LayerCopy, Migration, Service, TimelineEvent
from migrations_app.numbers import Number
from migrations_app.report import summary
from migrations_app.technologies.ways import transfer_of
from migrations_app.views.timeline import events_shown

# The interactive docs fetch their scripts from elsewhere, which the portal's policy forbids: the schema alone is served
api = NinjaAPI(title="MEC Portal", version="1", docs_url=None, auth=SessionAuth(), urls_namespace="api")
MOST = 500


# PostgreSQL keeps no NUL in a text
NO_NUL = r"^[^\x00]*$"
Word = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class StageOut(Schema):
    name: str
    title: str
    seconds: float
    bytes: int
    in_downtime: bool
    percent_of_total: float


class RoundOut(Schema):
    number: int
    read: int
    changed: int
    sent: int
    seconds: float


class MigrationOut(Schema):
    migration: int
    service: str
    kind: str
    source: str
    target: str
    layers: int
    method: str
    idle_memory: bool
    app_found: bool | None
    outcome: str
    total_s: float | None
    downtime_s: float | None
    probe_downtime_s: float | None
    bytes_on_wire: int | None
    stages: list[StageOut]
    rounds: list[RoundOut]
    error: str


class HostOut(Schema):
    name: str
    role: str
    address: str
    port: int
    backhaul_address: str | None
    bandwidth_mbit: int
    place: str
    latitude: float | None
    longitude: float | None
    status: str
    answered_at: datetime | None
    unreachable_since: datetime | None


class ServiceOut(Schema):
    name: str
    application: str
    host: str
    kind: str
    storage: str
    address: str
    status: str
    autostart: bool


class ApplicationOut(Schema):
    name: str
    title: str
    base_name: str
    recipe: dict[str, Any]
    layer_name: str


class LayerOut(Schema):
    host: str
    name: str
    base: str | None
    application: str | None
    kind: str
    storage: str
    digest: str
    size_bytes: int
    origin: str
    came_at: datetime


class EventOut(Schema):
    id: int
    at: datetime
    kind: str
    host: str
    to_host: str | None
    service: str
    migration: int | None
    message: str
    log: str
    by: str | None


class AutostartIn(Schema):
    autostart: bool


class MigrateIn(Schema):
    service: Word
    target: Word
    layers: int | Literal["auto"] = 3
    method: str = "save"
    idle_memory: bool = False
    reason: str = Field(default="", max_length=200, pattern=NO_NUL)


@api.exception_handler(ValidationError)
def refused(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """What the pages say in sentences."""
    return api.create_response(request, {"detail": error.messages}, status=422)


@api.exception_handler(PermissionDenied)
def forbidden(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    """A viewer who wants to act."""
    return api.create_response(request, {"detail": [str(error)]}, status=403)


@api.get("/hosts", response=list[HostOut])
def list_hosts(request: HttpRequest) -> Any:
    return [_fields(host, HostOut) | {"answered_at": host.last_answer} for host in Host.objects.select_related("watch")]


@api.get("/services", response=list[ServiceOut])
def list_services(request: HttpRequest) -> Any:
    return [
        {**_fields(service, ServiceOut), "application": service.application.name, "host": service.host.name}
        for service in Service.objects.select_related("application", "host")
    ]


@api.patch("/services/{name}", response=ServiceOut)
def change_service(request: HttpRequest, name: Word, wanted: AutostartIn) -> Any:
    """Whether a service is started again when its host has rebooted."""
    must_operate(request.user)
    service = get_service_for(request.user, name)
    actions.set_autostart(service=service, autostart=wanted.autostart)
    service.refresh_from_db()
    return _fields(service, ServiceOut) | {"application": service.application.name, "host": service.host.name}


@api.get("/events", response=list[EventOut])
def list_events(request: HttpRequest, limit: Number = 50, offset: Number = 0) -> Any:
    """What happened to hosts and services, newest first. The timeline's filters: host, service, kind, since, until."""
    found = TimelineFilter(request.GET, queryset=TimelineEvent.objects.all())
    return [
        _fields(event, EventOut)
        | {
            "host": event.host_name,
            "to_host": event.other_host.name if event.other_host else None,
            "service": event.service_name,
            "migration": event.migration_id,
            "by": event.by.username if event.by else None,
        }
        for event in events_shown(_rows(found))[offset : offset + max(1, min(limit, MOST))]
    ]


def _rows(found: PageFilter) -> Any:
    """What a filter lets through; 422 with what is wrong with it."""
    if not found.form.is_valid():
        raise HttpError(422, "; ".join(f"{name}: {faults[0]}" for name, faults in found.form.errors.items()))
    return found.qs


@api.get("/applications", response=list[ApplicationOut])
def list_applications(request: HttpRequest) -> Any:
    return Application.objects.lasting()


@api.get("/layers", response=list[LayerOut])
def list_layers(request: HttpRequest) -> Any:
    return [
        _fields(copy, LayerOut)
        | {
            "host": copy.host.name,
            "base": copy.base.name if copy.base else None,
            "application": copy.application.name if copy.application else None,
        }
        for copy in LayerCopy.objects.select_related("host", "base", "application")
    ]


def _fields(row: Any, schema: type[Schema]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in schema.model_fields if hasattr(row, name)}


@api.get("/migrations", response=list[MigrationOut])
def list_migrations(request: HttpRequest, limit: Number = 50, offset: Number = 0) -> Any:
    """The history's filters: q, service, application, kind, layers, method, source, target, host, outcome, since, until."""
    found = MigrationFilter(request.GET, queryset=Migration.objects.all())
    rows = _rows(found).select_related("source", "target").prefetch_related("stages").order_by("-pk")
    return [summary(row) for row in rows[offset : offset + max(1, min(limit, MOST))]]


@api.get("/migrations/{pk}", response=MigrationOut)
def show_migration(request: HttpRequest, pk: Number) -> Any:
    return summary(get_migration_for(request.user, pk))


@api.post("/migrations", response={201: MigrationOut})
def migrate(request: HttpRequest, wanted: MigrateIn) -> Any:
    """Ask for a migration; 422 with every reason why it cannot be."""
    must_operate(request.user)
    service = get_service_for(request.user, wanted.service)
    target = get_object_or_404(Host, name=wanted.target)
    layers = None if wanted.layers == "auto" else int(wanted.layers)
    decision = decide(service, target, layers, transfer_of(wanted.method, wanted.idle_memory))
    migration = actions.request_migration(
        service=service,
        target=target,
        by=operator_of(request),
        reason=wanted.reason,
        **decision.request,
    )
    return Status(201, summary(migration))


@api.post("/migrations/{pk}/cancel", response=MigrationOut)
def cancel(request: HttpRequest, pk: Number) -> Any:
    """Ask for the end of a migration; 422 when it is too late."""
    must_operate(request.user)
    migration = get_migration_for(request.user, pk)
    actions.cancel_migration(migration=migration, by=operator_of(request))
    return summary(get_migration_for(request.user, pk))


# A program that is not signed in gets 401 from the API, not the page for signing in; the schema is for those who are
routes = api.urls
for _pattern in routes[0]:
    if _pattern.callback is not None and _pattern.name != "openapi-json":
        login_not_required(_pattern.callback)
