"""Who may see and do what: a viewer sees everything, an operator also acts. Getters refuse those who may not."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from migrations_app.models import Application, Experiment, Host, Migration, Operation, Service

OPERATORS = "operators"
OPERATE = "migrations_app.operate"
Person = User | AnonymousUser


def may_operate(user: Person) -> bool:
    """Whether this person may change anything."""
    return user.has_perm(OPERATE)


def create_roles(**_: Any) -> None:
    """Make the operators' group, after each `migrate`."""
    group, _created = Group.objects.get_or_create(name=OPERATORS)
    group.permissions.add(*Permission.objects.filter(content_type__app_label="migrations_app", codename="operate"))


def _must_see(user: Person) -> None:
    if not user.is_authenticated:
        raise PermissionDenied("Sign in first.")


def must_operate(user: Person) -> None:
    """Refuse those who may only look."""
    _must_see(user)
    if not may_operate(user):
        raise PermissionDenied("Your role is viewer: an operator can do this.")


def get_host_for(user: Person, name: str) -> Host:
    """The host of this name, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Host.objects.select_related("facts", "watch"), name=name)


def get_application_for(user: Person, name: str) -> Application:
    """The application of this name, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Application, name=name)


def get_service_for(user: Person, name: str) -> Service:
    """The service of this name, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Service.objects.select_related("application", "host__watch"), name=name)


def get_migration_for(user: Person, pk: int) -> Migration:
    """The migration of this number, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Migration.objects.select_related("service", "source", "target", "requested_by"), pk=pk)


def get_experiment_for(user: Person, pk: int) -> Experiment:
    """The experiment of this number, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Experiment.objects.select_related("source", "target", "requested_by"), pk=pk)


def get_operation_for(user: Person, pk: int) -> Operation:
    """The operation of this number, for one who may see it."""
    _must_see(user)
    return get_object_or_404(Operation.objects.select_related("host", "service", "application", "requested_by"), pk=pk)


def operator_of(request: HttpRequest) -> User:
    """Who acts; only called behind `operators_only`."""
    assert isinstance(request.user, User)
    return request.user
