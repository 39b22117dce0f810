"""Routes of the site."""

from django.urls import include, path

urlpatterns = [path("", include("migrations_app.urls"))]
