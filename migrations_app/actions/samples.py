"""The probe's samples, a day later: of a long series those that a plot needs."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from migrations_app.models import Migration, ProbeSample
from migrations_app.thinning import thinned

WHOLE_FOR = timedelta(days=1)
AT_ONCE = 200


def thin_samples() -> int:
    """Thin the samples of migrations that ended a day ago, at most AT_ONCE of them; how many there were.

    The figures stored with a migration were computed from all samples and stay as they are.
    """
    old = Migration.objects.final().filter(samples_thinned=False, finished_at__lt=timezone.now() - WHOLE_FOR)
    numbers = list(old.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    for number in numbers:
        _thin(number)
    return len(numbers)


@transaction.atomic
def _thin(number: int) -> None:
    """One migration's: whoever marks it first does it."""
    if not Migration.objects.filter(pk=number, samples_thinned=False).update(samples_thinned=True):
        return
    batches = ProbeSample.objects.filter(migration=number)
    whole = [sample for samples in batches.order_by("pk").values_list("samples", flat=True) for sample in samples]
    kept = [list(sample) for sample in thinned(whole)]
    if len(kept) < len(whole):
        batches.delete()
        ProbeSample.objects.create(migration_id=number, samples=kept)
