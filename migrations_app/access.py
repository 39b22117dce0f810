"""Who may do what: a viewer sees everything, an operator also acts."""

from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, Permission, User

OPERATORS = "operators"
OPERATE = "migrations_app.operate"


def may_operate(user: User | AnonymousUser) -> bool:
    """Whether this person may change anything."""
    return user.has_perm(OPERATE)


def create_roles(**_: Any) -> None:
    """Make the operators' group, after each `migrate`."""
    group, _created = Group.objects.get_or_create(name=OPERATORS)
    group.permissions.add(*Permission.objects.filter(content_type__app_label="migrations_app", codename="operate"))
