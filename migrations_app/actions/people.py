"""People: made, and given a fresh password."""

import secrets

from axes.models import AccessAttempt
from django.contrib.auth.models import Group, User

from migrations_app.access import OPERATORS


def make_person(name: str, operator: bool) -> str:
    """Make a person, or give one a fresh password and let them try it at once; the password, which is shown once."""
    password = secrets.token_urlsafe(15)
    user, _created = User.objects.get_or_create(username=name)
    user.set_password(password)
    user.save()
    group = Group.objects.get(name=OPERATORS)
    if operator:
        user.groups.add(group)
    else:
        user.groups.remove(group)
    AccessAttempt.objects.filter(username=name).delete()
    return password
