"""Sockets."""

from django.urls import path, re_path

from migrations_app.consumers import EdgeConsumer, MigrationConsumer, NothingConsumer

websocket_urlpatterns = [
    path("ws/edge/", EdgeConsumer.as_asgi()),
    path("ws/migrations/<number:pk>/", MigrationConsumer.as_asgi()),
    re_path("", NothingConsumer.as_asgi()),
]
