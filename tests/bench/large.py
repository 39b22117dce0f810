"""Measures pages of an edge of 150 hosts, 1,500 services, 300 applications and 30,000 migrations: how long, and how large."""

from tests.bench.pages import PORT, filled_portal, timed
from tests.bench.table import Figures

PAGE_MS, PAGE_KB = 150, 200
PAGES = {
    "edge": "/",
    "services": "/services/",
    "services, searched and sorted": "/services/?q=service-0&sort=-host&page=3",
    "hosts": "/hosts/",
    "host": "/hosts/edge-010/",
    "applications": "/applications/",
    "application": "/applications/application-007/",
    "layers": "/layers/",
    "layers of a host": "/layers/?host=edge-010",
    "history": "/migrations/",
    "history, searched and sorted": "/migrations/?q=edge-01&sort=-total_s",
}
LARGE = """
from tests.large_edge import large_edge
large_edge(stages_each=12)
print("edge-010", "service-0003", Migration.objects.first().pk, person.username)
"""


def measure_large_edge(figures: Figures, runs: int) -> None:
    """Milliseconds from request to the last byte, `runs` times each after one warm-up; and each page's size."""
    with filled_portal(LARGE) as (browser, _names, _pid):
        for page, path in PAGES.items():
            figures.add(f"{page}, 150 hosts (ms)", timed(browser, path, runs), PAGE_MS)
            with browser.open(f"http://127.0.0.1:{PORT}{path}") as answer:
                figures.add(f"{page}, 150 hosts (kB)", [len(answer.read()) / 1000], PAGE_KB)
