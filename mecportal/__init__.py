"""The site: settings, routes and the way into the web server and the worker."""

from mecportal.celery import app as celery_app

__all__ = ["celery_app"]
