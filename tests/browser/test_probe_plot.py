"""The probe's plot: nine minutes without an answer leave the page usable, in both themes, on a phone, as a picture and on paper."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import ROOT, sign_in

pytestmark = pytest.mark.browser
LONG = """
import django; django.setup()
from migrations_app.models import Migration, Service
from tests import factories as make
first = Migration.objects.get(pk=1)
long = make.migration(first.service, first.target, total_s=600.0)
make.stages(long); make.samples(long, until_s=600.0, dark=(30.0, 570.0))
print(long.pk)
"""
COLOURS = """() => {
    const canvas = document.querySelector("#probe-plot canvas");
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const counts = {};
    for (let at = 0; at < pixels.length; at += 4) {
        if (pixels[at + 3] < 255) continue;
        const colour = pixels.slice(at, at + 3).join(",");
        counts[colour] = (counts[colour] || 0) + 1;
    }
    return counts;
}"""
ANSWERED, SILENT = "63,143,214", "214,69,61"
ADD = """async seconds => {
    const strips = [{ from: 0, to: 600, colour: "#a9c5e2", felt: false }];
    const began = performance.now();
    for (let round = 0; round < 20; round++) {
        const silent = Array.from({ length: seconds * 50 / 20 }, (_, at) => 600 + (round * seconds / 20) + at / 50);
        window.addToProbe({ answered: [[590 + round / 10, 900 + round]], unanswered: silent, strips });
    }
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now() - began;
}"""


@pytest.fixture(scope="module")
def long_one(data: dict[str, str], portal: str) -> str:
    """The page of a migration that was down for nine minutes, asked every 20 ms."""
    done = subprocess.run(
        [sys.executable, "-c", LONG], env=data, cwd=ROOT, check=True, timeout=60, capture_output=True, text=True
    )
    return f"{portal}/migrations/{done.stdout.strip()}/"


def opened(page: Page, address: str) -> int:
    """The size of the page in bytes, once the plot is drawn."""
    answer = page.goto(address)
    assert answer is not None
    page.wait_for_selector("#probe-plot[data-answered]")
    return len(answer.body())


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1900), ("light", 390)])
def test_a_long_downtime_is_drawn_and_the_page_stays_usable(
    theme: str, width: int, chromium: Browser, portal: str, long_one: str
) -> None:
    context = sign_in(chromium, portal, theme, width)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    assert opened(page, long_one) < 150_000
    assert page.locator("*").count() < 1000
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    drawn = page.evaluate(COLOURS)
    assert drawn.get(ANSWERED, 0) > 50
    assert drawn.get(SILENT, 0) > 50
    assert said == []
    context.close()


def test_a_page_that_stays_open_keeps_no_more_points_than_it_can_draw(
    chromium: Browser, portal: str, long_one: str
) -> None:
    context = sign_in(chromium, portal)
    page = context.new_page()
    opened(page, long_one)
    took_ms = page.evaluate(ADD, 3600)
    kept = page.locator("#probe-plot").evaluate(
        "plot => [Number(plot.dataset.answered), Number(plot.dataset.unanswered)]"
    )
    assert kept[0] <= 6000
    assert kept[1] <= 2000
    assert took_ms < 10_000  # on a busy machine; 20 reports of three minutes each
    context.close()


def test_the_plot_is_saved_as_a_picture_and_printed(
    chromium: Browser, portal: str, long_one: str, tmp_path: Path
) -> None:
    context = sign_in(chromium, portal)
    page = context.new_page()
    opened(page, long_one)
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename.startswith("migration-")
    picture = Path(download.value.path()).read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", picture[16:24])
    assert width > 400
    assert height > 300
    assert page.pdf().startswith(b"%PDF")
    context.close()


@pytest.mark.parametrize("path", ["/", "/services/", "/migrations/5/"])
def test_an_open_page_goes_to_sign_in_when_its_session_ends_and_comes_back(
    path: str, chromium: Browser, portal: str
) -> None:
    context = sign_in(chromium, portal)
    page = context.new_page()
    page.goto(portal + path)
    other = context.new_page()
    other.goto(f"{portal}/hosts/")
    other.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{portal}/login/?next=**", timeout=30_000)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.locator("main .card").count() == 1  # the form, and nothing of the page around it
    page.fill("#id_username", "olga")
    page.fill("#id_password", "only-for-this-test-1")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(portal + path)
    context.close()


def test_a_page_that_polls_without_a_socket_goes_to_sign_in_as_well(chromium: Browser, portal: str) -> None:
    context = sign_in(chromium, portal)
    page = context.new_page()
    page.route_web_socket("**/ws/**", lambda route: route.close(code=1011))
    page.goto(f"{portal}/migrations/5/")
    expect(page.locator("#connection")).to_contain_text("connection is lost")
    context.clear_cookies()
    page.wait_for_url(f"{portal}/login/?next=%2Fmigrations%2F5%2F", timeout=30_000)
    context.close()
