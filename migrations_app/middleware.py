"""What stands before every page."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django_htmx.http import HttpResponseClientRedirect


class SignInMiddleware(LoginRequiredMiddleware):
    """Who is not signed in goes to sign in, with the whole page: never with a part of it, so that no poll goes on."""

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponse:
        """A page is redirected; a fragment tells htmx to leave its page; a script that takes JSON alone gets 401."""
        sign_in, back = resolve_url(self.get_login_url(view_func)), _page_of(request)
        if request.headers.get("HX-Request"):
            return HttpResponseClientRedirect(f"{sign_in}?{urlencode({'next': back})}")
        if request.headers.get("Accept") == "application/json":
            return JsonResponse({"detail": "Sign in first."}, status=401)
        return redirect_to_login(back, sign_in, self.get_redirect_field_name(view_func))


def _page_of(request: HttpRequest) -> str:
    """The page to come back to: the one that a fragment is part of, that held a button, or that was asked for."""
    if request.method in ("GET", "HEAD") and not request.headers.get("HX-Request"):
        return request.get_full_path()
    held = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer") or "")
    if held.netloc != request.get_host():
        return request.get_full_path() if request.method == "GET" else resolve_url("edge")
    return f"{held.path}?{held.query}" if held.query else held.path
