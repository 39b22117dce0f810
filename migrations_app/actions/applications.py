"""Applications: recipes that the portal knows."""

from functools import partial
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from migrations_app import images, recipes
from migrations_app.hints import hint_on_commit
from migrations_app.models import Application, Experiment


@transaction.atomic
def add_application(*, text: str, beside: Path | None = None) -> Application:
    """Add a recipe, or replace the one of the same name; a changed recipe makes a new layer, running services keep theirs.

    Raises ValidationError with one sentence for each fault of the recipe.
    """
    return _add(recipes.parse(text, beside))


@transaction.atomic
def add_image(*, archive: Path | None = None, **values: Any) -> Application:
    """Add a container image as an application, or replace the one of the same name: `values` are its recipe's.

    With an `archive` its copy is kept, since hosts are given the image from it. Raises ValidationError as `add_application` does.
    """
    if archive is None:
        return _add(recipes.validated(values))
    recipes.validated(values | {"archive": "0" * 64})  # before the archive is copied
    digest = images.keep_archive(archive)
    try:
        return _add(recipes.validated(values | {"archive": digest}))
    except ValidationError:
        if not _is_used(digest):
            images.forget_archive(digest)
        raise


def _add(recipe: recipes.Recipe) -> Application:
    if recipe.archive and not images.kept_archive(recipe.archive).exists():
        raise ValidationError(
            f"The portal does not have the archive {recipe.archive}: add it with “manage.py application add --archive FILE”."
        )
    values = {
        "title": recipe.title or recipe.name,
        "base_name": "" if recipe.of_image else recipe.base,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_digest": recipes.digest(recipe),
    }
    known = Application.objects.filter(name=recipe.name).first()
    if known is not None and known.variant_of_id is not None:
        raise ValidationError(f"{recipe.name} is an experiment's own copy of {known.variant_of}: choose another name.")
    if known is not None and known.recipe_digest != values["recipe_digest"] and known.services.exists():
        raise ValidationError(
            f"Services of {recipe.name} are deployed from the earlier recipe: give the changed recipe a new name, "
            "or remove those services first."
        )
    application, _created = Application.objects.update_or_create(name=recipe.name, defaults=values)
    if known is not None:
        _forget_archive(known)
    hint_on_commit()
    return application


def _forget_archive(application: Application) -> None:
    """Remove the archive of an application that is gone, or made of something else by now, unless another one is made of it."""
    digest = application.recipe.get("archive")
    if digest and not _is_used(digest):
        transaction.on_commit(partial(images.forget_archive, digest))


def _is_used(archive: str) -> bool:
    return Application.objects.filter(recipe__archive=archive).exists()


def kept_for_another(application: Application, experiment: Experiment | None) -> str:
    """Why whoever asks (None: a person) has no business with it: an experiment's own copy is its alone while it runs."""
    owner = application.experiment
    if owner is None or not owner.is_active or owner == experiment:
        return ""
    return f"{application} belongs to the experiment {owner}: wait until that has ended, or stop it."


def remove_application(*, application: Application, experiment: Experiment | None = None) -> None:
    """Forget an application that no service uses."""
    if sentence := kept_for_another(application, experiment):
        raise ValidationError(sentence)
    try:
        with transaction.atomic():
            application.delete()
            _forget_archive(application)
    except (ProtectedError, IntegrityError) as error:  # the second: one is being deployed at this moment
        raise ValidationError(f"Services of {application} are deployed: remove them first.") from error
    hint_on_commit()
