from django.apps import AppConfig


class MigrationsAppConfig(AppConfig):
    name = "migrations_app"
    verbose_name = "MEC Portal"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate

        from migrations_app.access import create_roles

        post_migrate.connect(create_roles, sender=self)
