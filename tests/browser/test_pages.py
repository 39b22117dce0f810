"""Every page in both themes and on a phone: axe finds nothing serious, the policy is not violated, nothing is too wide."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from .conftest import sign_in

pytestmark = pytest.mark.browser
PATHS = (
    "/", "/hosts/", "/hosts/mec-1/", "/hosts/mec-3/", "/hosts/mec-1/edit/", "/register-host/", "/layers/",
    "/layers/?host=mec-1", "/layers/lxc/debian-13/", "/services/?q=game&status=running&sort=-host",
    "/applications/", "/applications/game-server/", "/add-application/", "/services/", "/services/game-1/", "/deploy/",
    "/services/game-1/migrate/", "/migrations/", "/migrations/?plot=each", "/migrations/?kind=kvm", "/migrations/1/",
    "/migrations/2/", "/migrations/3/", "/migrations/4/", "/migrations/5/", "/timeline/", "/operations/1/", "/compare/",
    "/compare/?kind=kvm", "/experiments/", "/experiments/1/", "/start-experiment/", "/nothing/",
)  # fmt: skip
BAD = ("serious", "critical")


@pytest.fixture(scope="module", params=["light", "dark"])
def themed(request: Any, chromium: Browser, portal: str) -> Iterator[BrowserContext]:
    context = sign_in(chromium, portal, request.param)
    yield context
    context.close()


def opened(context: BrowserContext, address: str) -> tuple[Page, list[str]]:
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.goto(address)
    if page.locator("[data-figure]").count():
        page.wait_for_selector("[data-figure] .main-svg")
    if page.locator("#probe-plot").count():
        page.wait_for_selector("#probe-plot[data-answered]")
    return page, said


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_and_keeps_to_the_policy(path: str, themed: BrowserContext, portal: str) -> None:
    page, said = opened(themed, portal + path)
    found = Axe().run(page).response["violations"]
    assert [(fault["id"], fault["nodes"][0]["target"]) for fault in found if fault["impact"] in BAD] == []
    assert [line for line in said if "404 (Not Found)" not in line] == []
    page.close()


@pytest.fixture(scope="module")
def phone(chromium: Browser, portal: str) -> Iterator[BrowserContext]:
    context = sign_in(chromium, portal, width=390)
    yield context
    context.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_page_fits_a_phone(path: str, phone: BrowserContext, portal: str) -> None:
    page, _said = opened(phone, portal + path)
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    page.close()
    assert too_wide <= 0


FIGURES = ("/migrations/", "/migrations/?plot=each", "/compare/", "/experiments/1/")


@pytest.mark.parametrize("path", FIGURES)
def test_on_a_phone_the_bars_have_the_width_and_their_labels_stand_above_them(
    path: str, phone: BrowserContext, portal: str
) -> None:
    page, _said = opened(phone, portal + path)
    found = page.evaluate(
        """() => [...document.querySelectorAll("[data-figure]")]
        .filter(figure => figure._fullLayout.yaxis.type === "category")
        .map(figure => [figure._fullLayout._size.w / figure.clientWidth, figure._fullLayout.annotations.length])"""
    )
    page.close()
    assert found
    assert [bars for bars in found if bars[0] < 0.9 or bars[1] == 0] == []


@pytest.mark.parametrize(
    "path", (*FIGURES, "/", "/services/", "/hosts/", "/hosts/mec-1/", "/layers/", "/applications/", "/timeline/")
)
def test_no_table_is_cut_off_on_a_small_laptop(path: str, themed: BrowserContext, portal: str) -> None:
    page, _said = opened(themed, portal + path)
    cut = page.evaluate(
        """() => {
        document.querySelectorAll("details").forEach(details => { details.open = true; });
        return [...document.querySelectorAll(".table-responsive")]
            .filter(table => table.scrollWidth > table.clientWidth).map(table => table.getAttribute("aria-label"));
        }"""
    )
    page.close()
    assert cut == []


def test_signing_in_is_accessible(chromium: Browser, portal: str) -> None:
    for theme in ("light", "dark"):
        page = chromium.new_page(color_scheme=theme)  # type: ignore[arg-type]
        page.goto(f"{portal}/login/")
        assert [fault["id"] for fault in Axe().run(page).response["violations"]] == []
        page.close()


def test_the_chosen_theme_outlives_a_reload(themed: BrowserContext, portal: str) -> None:
    page, _said = opened(themed, portal)
    before = page.get_attribute("html", "data-bs-theme")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    assert page.get_attribute("html", "data-bs-theme") != before
    page.get_by_role("button", name="Switch between light and dark").click()
    page.close()


def test_another_model_is_evaluated_without_a_reload(themed: BrowserContext, portal: str) -> None:
    page, _said = opened(themed, f"{portal}/services/game-1/migrate/")
    assert "before the suspension" in page.inner_text("#plan")
    page.get_by_label("Two layers").check()
    expect(page.locator("#plan")).not_to_contain_text("before the suspension")
    page.close()


def test_the_phones_menu_opens(phone: BrowserContext, portal: str) -> None:
    page, _said = opened(phone, portal)
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="History").click()
    page.wait_for_url(f"{portal}/migrations/")
    page.close()
