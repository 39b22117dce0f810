"""The field's terms in what is stored: a problem's `fix`, and the stage that cleans up the source."""

from django.db import migrations

# before and after
PROBLEM_KEYS = ("mend", "fix")
STAGE_NAMES = ("tidy_source", "clean_up_source")
STAGE_TITLES = ("Tidy up the source", "Clean up the source")


def rename_keys(apps, old, new):
    HostFacts = apps.get_model("migrations_app", "HostFacts")
    for facts in HostFacts.objects.exclude(problems=[]):
        facts.problems = [
            {new if key == old else key: value for key, value in problem.items()} for problem in facts.problems
        ]
        facts.save(update_fields=["problems"])


def rename_stage(apps, old, new, title):
    apps.get_model("migrations_app", "StageRun").objects.filter(name=old).update(name=new, title=title)


def forwards(apps, _schema):
    rename_keys(apps, *PROBLEM_KEYS)
    rename_stage(apps, *STAGE_NAMES, STAGE_TITLES[1])


def backwards(apps, _schema):
    rename_keys(apps, *reversed(PROBLEM_KEYS))
    rename_stage(apps, *reversed(STAGE_NAMES), STAGE_TITLES[0])


class Migration(migrations.Migration):
    dependencies = [("migrations_app", "0009_technologies")]

    operations = [migrations.RunPython(forwards, backwards)]
