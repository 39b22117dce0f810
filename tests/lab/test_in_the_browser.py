"""From the click to the restored process: a person moves a service in the browser, on real hosts, while another one looks on."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.lab.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.browser]
SLOW_MBIT, FULL_MBIT = 0.6, 100.0  # so slow that nothing ends before it is to


@dataclass
class Person:
    """One at a browser, and all that the browser complained of."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def people(site: Site, chromium: Browser) -> Iterator[dict[str, Person]]:
    """Olga operates, Victor views; both sign in with the password that the command printed."""
    found = {}
    for name, role in (("olga", "operator"), ("victor", "viewer")):
        password = site.ok("portal", "person", name, "--role", role).split()[-1]
        context = sign_in(chromium, address(site), name=name, password=password)
        found[name] = person = Person(context.new_page(), context)
        person.page.on("console", lambda message, said=person.complaints: said.append(message.text))
        person.page.on("pageerror", lambda error, said=person.complaints: said.append(str(error)))
    yield found
    for person in found.values():
        person.context.close()


@pytest.fixture
def slow_link(site: Site) -> Iterator[Callable[[float], None]]:
    """Reshapes the backhaul of mec-1; as it was after the test.

    By the command: in this process Playwright's event loop runs, and the edge's library needs one of its own.
    """

    def reshape(mbit: float) -> None:
        site.ok("lab", "link", "mec-1", "--bandwidth-mbit", str(mbit))

    yield reshape
    reshape(FULL_MBIT)


def address(site: Site, path: str = "") -> str:
    return f"http://127.0.0.1:{site.port}{path}"


def stage(page: Page, title: str, status: str) -> None:
    """Wait until the page shows the stage so."""
    row = page.locator("#stages li", has=page.locator(".title", has_text=title))
    expect(row).to_have_class(re.compile(rf"\b{status}\b"))


def begin_migration(page: Page, site: Site, service: str, target: str) -> int:
    """From the service's page to its migration's; the migration's number."""
    page.goto(address(site, f"/services/{service}/"))
    page.get_by_role("link", name="Migrate", exact=True).click()
    page.get_by_label("Target", exact=True).select_option(target)
    button = page.get_by_role("button", name=f"Migrate {service} to {target}")
    expect(button).to_be_enabled()
    button.click()
    page.wait_for_url("**/migrations/*/")
    return int(page.url.rstrip("/").rsplit("/", 1)[1])


def points(page: Page) -> int:
    return int(page.locator("#probe-plot").get_attribute("data-answered") or 0)


def test_what_would_travel_is_said_before_the_click(
    site: Site, people: dict[str, Person], deployed: Callable[..., str]
) -> None:
    service, page = deployed(), people["olga"].page
    page.goto(address(site, f"/services/{service}/migrate/"))
    page.get_by_label("Target", exact=True).select_option("mec-3")
    plan = page.locator("#plan")
    expect(plan.get_by_role("button", name=f"Migrate {service} to mec-3")).to_be_enabled()
    expect(plan).to_contain_text("Nothing forbids it")
    expect(plan.get_by_role("row", name=re.compile("Application layer"))).to_be_visible()
    for layers in (2, 3):
        forecast = plan.get_by_role("row", name=re.compile(rf"^{layers} layers"))
        expect(forecast).to_contain_text(re.compile(r"\d+(\.\d+)? s"))
    assert people["olga"].complaints == []


def test_a_service_moves_before_two_peoples_eyes(
    site: Site,
    people: dict[str, Person],
    deployed: Callable[..., str],
    slow_link: Callable[[float], None],
) -> None:
    service = deployed()
    counted = site.count(service)
    olga, victor = people["olga"].page, people["victor"].page
    slow_link(SLOW_MBIT)
    number = begin_migration(olga, site, service, "mec-2")
    victor.goto(olga.url)

    for page in (olga, victor):
        stage(page, "Connect the hosts", "done")
    expect(olga.locator("#cancel-button")).to_be_visible()
    assert victor.locator("#cancel, dialog").get_by_role("button").count() == 0
    olga.reload()
    slow_link(FULL_MBIT)
    for page in (olga, victor):
        expect(page.locator("#head")).to_contain_text(f"{service} runs on mec-2")
        stage(page, "Restore instance", "done")
        stage(page, "Clean up the source", "done")
        expect(page.get_by_text("measured by the probe")).to_be_visible()
        expect(page.locator("#connection")).to_have_text("The migration has ended.")
        assert points(page) > 20
    felt = site.last_migration()["probe_downtime_s"]
    assert site.last_migration()["id"] == number and 0 < felt < 120
    expect(olga.locator("#head")).to_contain_text(f"{felt:.2f} s" if felt < 10 else f"{felt:.1f} s")
    assert olga.locator("#head").inner_text() == victor.locator("#head").inner_text()

    olga.get_by_role("link", name="History").click()
    row = olga.get_by_role("row", name=re.compile(rf"#{number}\b"))
    expect(row).to_contain_text("Succeeded")
    expect(row).to_contain_text(service)
    assert (site.where(service), site.count(service) > counted) == (["mec-2"], True)
    assert people["olga"].complaints + people["victor"].complaints == []


def test_a_migration_is_cancelled_on_its_page(
    site: Site,
    people: dict[str, Person],
    deployed: Callable[..., str],
    slow_link: Callable[[float], None],
) -> None:
    service, page = deployed("ram-simulation"), people["olga"].page
    slow_link(SLOW_MBIT)
    begin_migration(page, site, service, "mec-3")
    stage(page, "rsync instance in-memory state", "running")
    page.locator("#cancel-button").click()
    page.get_by_role("button", name="Cancel the migration").click()
    slow_link(FULL_MBIT)
    expect(page.locator("#head")).to_contain_text("It was cancelled and undone")
    stage(page, "Suspend instance", "undone")
    assert site.where(service) == ["mec-1"]
    assert site.count(service) > 0
    site.assert_nothing_is_left()
    assert people["olga"].complaints == []
