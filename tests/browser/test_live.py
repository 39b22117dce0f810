"""A migration that goes on while two people watch: by socket, by polling, and after a reload."""

import subprocess
import sys

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import ROOT, sign_in

pytestmark = pytest.mark.browser
BEGIN = """
import django; django.setup()
from django.utils import timezone
from migrations_app.models import Host
from tests import factories as make
hosts = Host.objects.mec()
moving = make.ServiceFactory(name="watched", application=hosts[0].services.first().application, host=hosts[0],
    address="10.2.9.9", hardware_address="02:4d:00:00:09:09")
made = make.migration(moving, hosts[1], status="running", app_found=True, total_s=None, downtime_s=None,
    probe_downtime_s=None, bytes_on_wire=None, finished_at=None, started_at=timezone.now())
make.stages(made, running="rsync_instance_memory"); make.samples(made, until_s=1)
print(made.pk)
"""
GO_ON = """
import django; django.setup()
from migrations_app import actions
from migrations_app.hints import hint_on_commit
from migrations_app.models import Migration
pk = {pk}
lease = Migration.objects.get(pk=pk).lease
{code}
hint_on_commit(pk)
"""


def run(data: dict[str, str], code: str) -> str:
    """What another process would write."""
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=data, cwd=ROOT, check=True, timeout=60, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def go_on(data: dict[str, str], pk: str, code: str) -> None:
    """What a worker would write of a migration."""
    run(data, GO_ON.format(pk=pk, code=code))


@pytest.fixture
def migration(data: dict[str, str], portal: str) -> str:
    """The number of a running migration of the test's own: what it does to it, no other test sees."""
    return run(data, BEGIN)


def log_line(page: Page, text: str) -> None:
    expect(page.locator("#log")).to_contain_text(text)


def points(page: Page) -> int:
    """How many answers are drawn, not only known."""
    return int(page.locator("#probe-plot").get_attribute("data-answered") or 0)


def event(text: str) -> str:
    return f'actions.record_event(migration_id=pk, kind="log", message="{text}")'


def test_two_people_see_the_same_and_a_lost_socket_loses_nothing(
    chromium: Browser, portal: str, data: dict[str, str], migration: str
) -> None:
    first, second = sign_in(chromium, portal), sign_in(chromium, portal, "dark")
    pages = [context.new_page() for context in (first, second)]
    for page in pages:
        page.goto(f"{portal}/migrations/{migration}/")
        expect(page.locator("#connection")).to_have_text("Live.")
    had = points(pages[0])
    assert had > 20
    go_on(
        data,
        migration,
        event("the first line") + "\nactions.record_samples(migration_id=pk, lease=lease, samples=[[1.1, 50.0, 9]])",
    )
    for page in pages:
        log_line(page, "the first line")
        expect(page.locator("#probe-plot")).to_have_attribute("data-answered", str(had + 1))
    pages[0].reload()
    log_line(pages[0], "the first line")
    assert pages[0].locator("#log", has_text="the first line").count() == 1

    pages[1].route_web_socket("**/ws/**", lambda route: route.close(code=1011))
    pages[1].reload()
    expect(pages[1].locator("#connection")).to_contain_text("connection is lost")
    go_on(data, migration, event("without a socket"))
    log_line(pages[1], "without a socket")

    go_on(
        data,
        migration,
        'actions.finish(migration_id=pk, lease=lease, status="succeeded", message="It is over.", total_s=4.2, downtime_s=1.0)',
    )
    for page in pages:
        log_line(page, "It is over.")
        expect(page.locator("#head")).to_contain_text("Succeeded")
        assert page.locator("#cancel-button").count() == 0
        assert page.inner_text("#log").count("the first line") == 1
        page.context.close()


def test_a_part_that_is_fetched_anew_keeps_the_focus(chromium: Browser, portal: str, data: dict[str, str]) -> None:
    context = sign_in(chromium, portal)
    page = context.new_page()
    page.goto(portal)
    link = page.get_by_role("link", name="mec-1", exact=True).first
    link.focus()
    link.evaluate("element => element.dataset.old = 'yes'")
    go_on(data, "5", "")
    expect(page.locator("[data-old]")).to_have_count(0)
    expect(page.locator("#edge :focus")).to_have_text("mec-1")
    context.close()


def test_what_is_pressed_while_news_arrives_is_clicked(chromium: Browser, portal: str) -> None:
    """A host's page is fetched anew whenever something changes on the edge."""
    page = sign_in(chromium, portal).new_page()
    page.goto(f"{portal}/hosts/mec-1/")
    link = page.locator("[data-follows-edge] a[href^='/services/']").first
    link.hover()
    page.mouse.down()
    with page.expect_response("**/hosts/mec-1/"):
        page.evaluate("htmx.trigger(document.body, 'news')")
    page.wait_for_timeout(200)  # longer than it takes to put the answer in place
    page.mouse.up()
    page.wait_for_url("**/services/*/")


def test_a_list_is_searched_by_its_address_and_fetched_anew_as_it_was_searched(
    chromium: Browser, portal: str, data: dict[str, str]
) -> None:
    page = sign_in(chromium, portal).new_page()
    page.goto(f"{portal}/services/")
    page.get_by_label("Search", exact=True).fill("game-1")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url(f"{portal}/services/?q=game-1")
    page.locator("#list th a[href^='/services/']").first.evaluate("element => element.dataset.old = 'yes'")
    with page.expect_response("**/services/?q=game-1") as answer:
        go_on(data, "5", "")
    assert answer.value.request.headers["hx-request"] == "true"
    expect(page.locator("[data-old]")).to_have_count(0)
    assert page.locator("#list th a[href^='/services/']").all_inner_texts() == ["game-1"]
    page.context.close()


def test_a_plan_that_is_being_replaced_takes_no_click(chromium: Browser, portal: str) -> None:
    page = sign_in(chromium, portal).new_page()
    page.goto(f"{portal}/services/")
    page.locator("a[href$='/migrate/']").first.click()
    page.route("**/migrate/?*", lambda route: None)  # an answer that does not come
    page.get_by_label("Target", exact=True).select_option(index=0)
    page.get_by_label("Target", exact=True).dispatch_event("change")
    expect(page.locator("#plan")).to_have_css("pointer-events", "none")
