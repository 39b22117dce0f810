"""The Celery application: `celery -A mecportal worker|beat`."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mecportal.settings")

app = Celery("mecportal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = {
    "reconcile": {"task": "workers.reconcile", "schedule": 5.0, "options": {"expires": 5.0}},
    "remove_kept_states": {"task": "workers.remove_kept_states", "schedule": 10.0, "options": {"expires": 10.0}},
    "thin_samples": {"task": "workers.thin_samples", "schedule": 3600.0, "options": {"expires": 3600.0}},
}
if settings.WATCH_SECONDS:
    every = float(settings.WATCH_SECONDS)
    app.conf.beat_schedule["look_at_hosts"] = {
        "task": "workers.look_at_hosts", "schedule": every, "options": {"expires": every}
    }  # fmt: skip
app.autodiscover_tasks(["workers"])
