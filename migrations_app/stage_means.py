"""Mean time by the paper's stages, over many migrations."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Sum

from migrations_app.models import StageRun
from migrations_app.report import OTHER, SHOWN_STAGES


def stage_sums(pks: Iterable[int], *group: str) -> dict[tuple[Any, ...], dict[str, float]]:
    """Seconds by group and paper's stage, added up in the database."""
    sums: dict[tuple[Any, ...], dict[str, float]] = {}
    query = StageRun.objects.filter(migration_id__in=pks).order_by().values_list(*group, "paper_title")
    for *key, title, total in query.annotate(total=Sum("seconds")):
        sums.setdefault(tuple(key), {})[title] = total or 0.0
    return sums


def with_other(sums: dict[str, float], total: float, n: int) -> dict[str, float]:
    """Means by stage; time that lies in no named stage is the paper's “Other remaining tasks”."""
    means = {title: sums.get(title, 0.0) / n for title in SHOWN_STAGES[:-1]}
    return means | {OTHER: max(total / n - sum(means.values()), 0.0)}
