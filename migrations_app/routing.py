"""Sockets."""

from django.urls import path

from migrations_app.consumers import EdgeConsumer, MigrationConsumer

websocket_urlpatterns = [
    path("ws/edge/", EdgeConsumer.as_asgi()),
    path("ws/migrations/<int:pk>/", MigrationConsumer.as_asgi()),
]
