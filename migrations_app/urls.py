"""Pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from migrations_app.api import routes as api_routes
from migrations_app.views import edge, history, hosts, layers, migrate, migration, registering, services, system

urlpatterns = [
    path("", edge.edge, name="edge"),
    path(
        "login/", LoginView.as_view(template_name="signing/login.html", redirect_authenticated_user=True), name="login"
    ),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("hosts/", hosts.hosts, name="hosts"),
    path("register-host/", registering.register_host, name="register_host"),
    path("register-host/confirm/", registering.confirm_host, name="confirm_host"),
    path("hosts/<slug:name>/", hosts.host, name="host"),
    path("hosts/<slug:name>/edit/", hosts.edit_host, name="edit_host"),
    path("hosts/<slug:name>/remove/", hosts.remove_host, name="remove_host"),
    path("hosts/<slug:name>/check/", hosts.check_host, name="check_host"),
    path("hosts/<slug:name>/provision-base/", hosts.provision_base, name="provision_base"),
    path("hosts/<slug:name>/build-base/", hosts.build_base, name="build_base"),
    path("hosts/<slug:name>/key/", registering.host_key, name="host_key"),
    path("hosts/<slug:name>/key/pin/", registering.pin_host_key, name="pin_host_key"),
    path("layers/", layers.layers, name="layers"),
    path("applications/", layers.applications, name="applications"),
    path("add-application/", layers.add_application, name="add_application"),
    path("applications/<slug:name>/", layers.application, name="application"),
    path("applications/<slug:name>/build/", layers.build_application, name="build_application"),
    path("applications/<slug:name>/remove/", layers.remove_application, name="remove_application"),
    path("services/", services.services, name="services"),
    path("deploy/", services.deploy_service, name="deploy_service"),
    path("services/<slug:name>/", services.service, name="service"),
    path("services/<slug:name>/start/", services.start_service, name="start_service"),
    path("services/<slug:name>/stop/", services.stop_service, name="stop_service"),
    path("services/<slug:name>/remove/", services.remove_service, name="remove_service"),
    path("services/<slug:name>/migrate/", migrate.migrate, name="migrate"),
    path("operations/<int:pk>/", services.operation, name="operation"),
    path("migrations/", history.history, name="history"),
    path("migrations/export.csv", history.export_csv, name="export_csv"),
    path("migrations/export.json", history.export_json, name="export_json"),
    path("migrations/<int:pk>/", migration.migration, name="migration"),
    path("migrations/<int:pk>/live/", migration.live, name="migration_live"),
    path("migrations/<int:pk>/cancel/", migration.cancel, name="cancel_migration"),
    path("migrations/<int:pk>/summary.json", migration.summary_json, name="migration_json"),
    path("migrations/<int:pk>/engine.log", migration.engine_log, name="engine_log"),
    path("api/", api_routes),
    path("healthz", system.health, name="health"),
    path("metrics", system.metrics, name="metrics"),
]
