"""The runner of a table of stages. No Django, no Celery, no ssh in here."""

from .outcome import CheckFailed, LeaseLost, Location, MigrationError, Outcome
from .run import recover, run
from .stage import Plan, Stage

__all__ = ["CheckFailed", "LeaseLost", "Location", "MigrationError", "Outcome", "Plan", "Stage", "recover", "run"]
