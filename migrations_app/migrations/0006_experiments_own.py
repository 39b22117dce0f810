"""What experiments made for themselves is theirs by its row; until now its name said it."""

import re

from django.db import migrations


def say_whose(apps, _schema_editor):
    Application, Experiment, Service = (
        apps.get_model("migrations_app", name) for name in ("Application", "Experiment", "Service")
    )
    for variant in Application.objects.filter(variant_of__isnull=False, experiment=None):
        number = re.match(r"x(\d+)-", variant.name)
        experiment = Experiment.objects.filter(pk=int(number[1])).first() if number else None
        if experiment is not None:
            Application.objects.filter(pk=variant.pk).update(experiment=experiment)
            Service.objects.filter(application=variant).update(experiment=experiment)


class Migration(migrations.Migration):
    dependencies = [("migrations_app", "0005_ownership")]
    operations = [migrations.RunPython(say_whose, migrations.RunPython.noop)]
