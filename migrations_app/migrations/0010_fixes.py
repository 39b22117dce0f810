"""A problem's key for the command that fixes it is `fix`; what earlier checks found has it under another name."""

from django.db import migrations


def renamed(problems, old, new):
    return [{new if key == old else key: value for key, value in problem.items()} for problem in problems]


def rename(apps, old, new):
    HostFacts = apps.get_model("migrations_app", "HostFacts")
    for facts in HostFacts.objects.exclude(problems=[]):
        facts.problems = renamed(facts.problems, old, new)
        facts.save(update_fields=["problems"])


class Migration(migrations.Migration):
    dependencies = [("migrations_app", "0009_technologies")]

    operations = [
        migrations.RunPython(
            lambda apps, _schema: rename(apps, "mend", "fix"), lambda apps, _schema: rename(apps, "fix", "mend")
        )
    ]
