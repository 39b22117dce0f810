"""Experiments: their cells, what is refused before anything is changed, the report with its statistics, and the pages."""

import csv
import io
import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from migrations_app import actions
from migrations_app.experiments import paper
from migrations_app.experiments.designs import Choice, completed, settings_of
from migrations_app.experiments.files import report_markdown
from migrations_app.experiments.report import figures, report
from migrations_app.experiments.statistics import r_squared, summarised
from migrations_app.models import Application, Cell, Experiment, Host, HostFacts, Migration
from tests import factories

RAM_RECIPE = factories.RECIPE | {
    "name": "ram-simulation",
    "command": ["/usr/bin/python3", "{ram_mb}"],
    "parameters": {"ram_mb": 330},
}


def cells(**choice: Any) -> list[str]:
    return [
        f"{s.kind} {s.application} {s.way.layers}{'f' if s.app_found else ''} {s.storage} {s.way.transfer} "
        f"{s.bandwidth_mbit} {s.ram_mb}"
        for s in settings_of(completed(Choice(**choice)), link_mbit=100)
    ]


def test_table_1_has_three_models_of_five_applications_for_each_kind() -> None:
    both = cells(design="table-1", kinds=("lxc", "kvm"))
    assert len(both) == 30
    assert both[:3] == [
        "lxc no-application 3 overlay save 100 None",
        "lxc no-application 3f overlay save 100 None",
        "lxc no-application 2 overlay save 100 None",
    ]


def test_the_sweeps_change_one_thing_only() -> None:
    assert cells(design="figure-5-ram", ram_mb=(50, 600)) == [
        "lxc ram-simulation 3f overlay save 100 50",
        "lxc ram-simulation 3f overlay save 100 600",
    ]
    assert cells(design="figure-5-bandwidth", bandwidths_mbit=(1, 10)) == [
        "lxc ram-simulation 3f overlay save 1 None",
        "lxc ram-simulation 3f overlay save 10 None",
    ]


def test_the_papers_own_set_up_is_a_preset() -> None:
    found = cells(design="figure-5-ram", ram_mb=(330,), preset="as-in-the-paper", storages=("overlay",))
    assert found == ["lxc ram-as-in-the-paper 3f directory save 100 330"]


def test_live_migration_is_measured_with_three_layers_of_virtual_machines_only() -> None:
    assert cells(design="table-1", kinds=("lxc", "kvm"), applications=("game-server",), transfers=("live",)) == [
        "kvm game-server 3 overlay live 100 None",
        "kvm game-server 3f overlay live 100 None",
    ]


def test_statistics_are_students() -> None:
    """Ten values: half the interval is t(0.975, 9) = 2.2622 times the standard error."""
    found = summarised([float(n) for n in range(1, 11)])
    assert found is not None
    assert (found.n, found.mean, found.median) == (10, 5.5, 5.5)
    assert found.sd == pytest.approx(3.02765, abs=1e-5)
    assert found.ci95 == pytest.approx(2.26216 * 3.02765 / 10**0.5, abs=1e-4)
    assert found.p95 == pytest.approx(9.55)


def test_one_value_has_no_spread_and_none_has_no_mean() -> None:
    one = summarised([3.0])
    assert one is not None
    assert (one.mean, one.sd, one.ci95) == (3.0, None, None)
    assert summarised([float("nan")]) is None


def test_a_line_is_linear() -> None:
    assert r_squared([1, 2, 3], [10, 20, 30]) == pytest.approx(1.0)
    assert r_squared([1, 2], [10, 20]) is None


def test_the_papers_figures_are_those_of_its_table() -> None:
    assert paper.table_1("video-streaming", "lxc", 3, True) == {"total": 8.5, "data": 7.4, "downtime": 3.3}
    assert paper.table_1("face-detection", "kvm", 2, False) == {"total": 381.2, "data": 1027.3, "downtime": 355.0}
    assert paper.table_1("valkey", "lxc", 3, True) is None


@pytest.fixture
def hosts(edge: dict[str, Any]) -> tuple[Host, Host]:
    """Two that an experiment with the edge's application can run on."""
    factories.HostFactory(name="user", role="user")
    return edge["service"].host, edge["target"]


def refused(hosts: tuple[Host, Host], runs: int = 1, **choice: Any) -> list[str]:
    wanted = Choice(**{"design": "table-1", "applications": ("game-server",)} | choice)
    with pytest.raises(ValidationError) as error:
        actions.request_experiment(choice=wanted, source=hosts[0], target=hosts[1], runs=runs)
    assert not Cell.objects.exclude(experiment__design="table-1", experiment__runs=3).exists()
    return error.value.messages


def test_what_cannot_be_is_refused_before_anything_is_changed(hosts: tuple[Host, Host]) -> None:
    assert refused(hosts, applications=("chess",)) == [
        "There is no application “chess”. There are: game-server.",
    ]
    assert refused(hosts, design="table-9") == [
        "There is no experiment table-9: choose table-1, figure-4, figure-5-ram, figure-5-bandwidth."
    ]
    assert refused(hosts, runs=0) == ["0 runs of each cell cannot be: choose 1 to 100."]
    assert refused(hosts, kinds=("docker",)) == ["There is no kind “docker”: choose lxc or oci or kvm."]
    assert refused(hosts, kinds=("oci",), preset="as-in-the-paper")[0].startswith("OCI has no storage directory.")
    assert refused((hosts[0], hosts[0]))[0].endswith("cannot be source and target at once: choose two hosts.")


def test_a_bandwidth_of_nothing_or_above_the_link_is_refused(hosts: tuple[Host, Host]) -> None:
    Application.objects.create(name="ram-simulation", base_name="debian-13", recipe=RAM_RECIPE, recipe_digest="12" * 32)
    told = refused(hosts, design="figure-5-bandwidth", applications=("ram-simulation",), bandwidths_mbit=(0, 1000))
    assert told == [
        "A bandwidth of 0 Mbit/s cannot be: choose 1 to 100.",
        f"The link between {hosts[0]} and {hosts[1]} has 100 Mbit/s: 1000 Mbit/s cannot be measured on it.",
    ]


def test_a_host_that_lacks_the_kind_its_base_or_the_room_is_refused(hosts: tuple[Host, Host]) -> None:
    here = HostFacts.objects.get(host=hosts[0])
    here.values |= {"qemu_version": "10.0.13", "libvirt_version": "11.3.0"}
    here.save()
    facts = HostFacts.objects.get(host=hosts[1])
    facts.values |= {"qemu_version": "", "libvirt_version": "", "disk_free_bytes": 100_000_000}
    facts.save()
    assert refused(hosts, kinds=("kvm",)) == [
        f"{hosts[1]} has no libvirt and no QEMU: install what docs/hosts.md names, then check the host."
    ]
    assert "make room there" in " ".join(refused(hosts))
    hosts[1].layer_copies.all().delete()
    assert f"{hosts[1]} does not hold the base debian-13 for LXC: provision it." in refused(hosts)


def test_hosts_between_which_nothing_can_move_one_of_the_two_ways_are_refused(hosts: tuple[Host, Host]) -> None:
    facts = HostFacts.objects.get(host=hosts[1])
    facts.values |= {"criu_version": "3.17", "cpu_flags": "fpu sse"}
    facts.save()
    told = refused(hosts)
    assert [line.split(":")[0] for line in told] == [
        f"CRIU is 4.1 on {hosts[0]} and 3.17 on {hosts[1]}",
        f"The processor of {hosts[1]} lacks avx, avx2, sse2, xsave",
    ]


def test_only_one_experiment_runs_at_a_time(hosts: tuple[Host, Host]) -> None:
    factories.experiment(*hosts, status="running")
    assert refused(hosts) == ["Another experiment is under way: wait until it has ended, or stop it."]


def test_one_is_queued_with_its_cells_and_sent_to_a_worker(
    hosts: tuple[Host, Host], site: list[tuple[str, int]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = actions.request_experiment(
            choice=Choice(design="table-1", applications=("game-server",)), source=hosts[0], target=hosts[1], runs=2
        )
    assert ("workers.run_experiment", made.pk) in site
    assert [(cell.layers, cell.app_found) for cell in made.cells.all()] == [(3, False), (3, True), (2, False)]


def test_its_own_copy_of_the_application_has_its_own_layer_and_counts_as_the_original(hosts: tuple[Host, Host]) -> None:
    original = Application.objects.create(
        name="ram-simulation", base_name="debian-13", recipe=RAM_RECIPE, recipe_digest="12" * 32
    )
    made = Experiment.objects.create(design="figure-5-ram", source=hosts[0], target=hosts[1])
    about = {"experiment": made, "application_name": original.name, "kind": "lxc", "layers": 3, "app_found": True}
    sized = [
        actions.make_variant(
            cell=Cell.objects.create(
                position=n, storage="overlay", method="save", bandwidth_mbit=100, ram_mb=ram, **about
            )
        )
        for n, ram in enumerate((330, 600))
    ]
    assert [one.history_name for one in sized] == ["ram-simulation", "ram-simulation-600mb"]
    assert sized[1].recipe["parameters"]["ram_mb"] == 600
    assert sized[1].recipe["memory_mb"] >= 600
    assert len({original.layer_name, *(one.layer_name for one in sized)}) == 3
    assert list(Application.objects.lasting().filter(name__startswith="x")) == []


def test_stopping_is_asked_once(hosts: tuple[Host, Host]) -> None:
    made = factories.experiment(*hosts, status="running")
    actions.stop_experiment(experiment=made)
    with pytest.raises(ValidationError, match="is being stopped already"):
        actions.stop_experiment(experiment=made)


def measured(edge: dict[str, Any], totals: list[float]) -> Experiment:
    """An experiment whose first cell has runs with these totals."""
    made: Experiment = edge["experiment"]
    for total in totals:
        run = factories.migration(edge["service"], edge["target"], cell=made.cells.get(position=1), total_s=total)
        factories.stages(run)
    return made


def test_the_report_has_the_statistics_and_the_papers_figure_beside_them(edge: dict[str, Any]) -> None:
    told = report(measured(edge, [1.0, 2.0, 3.0]))["cells"][0]
    total = told["measures"]["total"]
    assert (told["n"], total["mean"], total["median"], total["paper"], total["ratio"]) == (3, 2.0, 2.0, 6.4, 3.2)
    assert total["ci95"] == pytest.approx(4.30265 / 3**0.5, abs=1e-3)
    assert told["stages"]["rsync app filesystem"] == pytest.approx(2.5)


def swept(edge: dict[str, Any], *bandwidths: int) -> Experiment:
    """A sweep of bandwidths with a measured run in each cell."""
    made = Experiment.objects.create(
        design="figure-5-bandwidth", status="finished", source=edge["service"].host, target=edge["target"]
    )
    for position, bandwidth in enumerate(bandwidths, start=1):
        cell = Cell.objects.create(
            experiment=made, position=position, application_name="ram-simulation", kind="lxc", layers=3, app_found=True,
            storage="overlay", method="save", bandwidth_mbit=bandwidth, status="done",
        )  # fmt: skip
        factories.stages(
            factories.migration(edge["service"], edge["target"], cell=cell, bandwidth_mbit=bandwidth, total_s=10.0)
        )
    return made


def test_the_papers_table_stands_beside_cells_with_the_papers_link_only(
    as_viewer: Client, edge: dict[str, Any]
) -> None:
    made = swept(edge, 1, 100)
    told = report(made)
    found = [(cell["measures"]["total"]["paper"], cell["measures"]["total"]["ratio"]) for cell in told["cells"]]
    assert found == [(None, None), (19.8, 1.98)]
    assert (
        "The paper's figures stand beside cells at 100 Mbit/s only: its Table I is of that link." in told["differences"]
    )
    text = as_viewer.get(reverse("experiment", args=[made.pk])).content.decode()
    slow, fast = (re.split(rf"overlay · {link} Mbit/s\s*<", text)[1].split("</tr>")[0] for link in (1, 100))
    assert "paper 19.8" not in slow
    assert "paper 19.8" in fast


def test_bars_over_different_links_have_different_labels(edge: dict[str, Any]) -> None:
    bars = figures(report(swept(edge, 1, 100)))["stages"]["data"][0]["y"]
    way = "ram-simulation<br>LXC · 3 layers, app found · save · overlay"
    assert bars == [f"{way} · 1 Mbit/s (n=1)", f"{way} · 100 Mbit/s (n=1)"]
    assert figures(report(swept(edge, 10)))["stages"]["data"][0]["y"] == [f"{way} (n=1)"]


def test_a_failed_run_is_in_no_mean_and_is_counted(edge: dict[str, Any]) -> None:
    made = measured(edge, [1.0])
    factories.migration(
        edge["service"], edge["target"], cell=made.cells.get(position=1), total_s=99.0, status="rolled_back"
    )
    told = report(made)["cells"][0]
    assert (told["n"], told["failed"], told["measures"]["total"]["mean"]) == (1, 1, 1.0)


def test_an_experiment_without_any_run_is_a_report_without_figures(edge: dict[str, Any]) -> None:
    told = report(edge["experiment"])
    assert [cell["n"] for cell in told["cells"]] == [0, 0]
    assert figures(told) == {}


def test_the_csv_has_a_line_a_cell(as_operator: Client, edge: dict[str, Any]) -> None:
    made = measured(edge, [1.0, 2.0])
    answer = as_operator.get(reverse("experiment_csv", args=[made.pk]))
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [line["n"] for line in lines] == ["2", "0"]
    assert (lines[0]["Total time (s), mean"], lines[0]["Total time (s), paper"]) == ("1.5", "6.4")


def test_the_markdown_report_has_the_papers_figure_and_the_ratio_beside_ours(edge: dict[str, Any]) -> None:
    text = report_markdown(report(measured(edge, [1.0, 2.0, 3.0])))
    lines = text.splitlines()
    assert "| 3 | 2.00 ± 2.48 (6.4, 3.2×) |" in next(line for line in lines if "game-server" in line)
    assert {line.count("|") for line in lines if "game-server" in line or line.startswith("| cell")} == {7}


def test_the_html_report_stands_alone(as_operator: Client, edge: dict[str, Any]) -> None:
    text = as_operator.get(reverse("experiment_html", args=[measured(edge, [1.0]).pk])).content.decode()
    assert "plotly.js v" in text
    head = text.split("<script")[0]
    assert "http://" not in head
    assert "src=" not in head


def test_one_is_no_plural(as_operator: Client, edge: dict[str, Any]) -> None:
    made = measured(edge, [1.0])
    for runs, words in ((1, "1 run"), (3, "3 runs")):
        Experiment.objects.filter(pk=made.pk).update(
            runs=runs, environment={"hosts": {"mec-1": {"cores": runs}}}, status="running"
        )
        text = as_operator.get(reverse("experiment_html", args=[made.pk])).content.decode()
        assert f"{words} of each cell" in text
        assert f"Each cell has at most {words};" in text
        assert f"mec-1: {runs} processor{'s' if runs > 1 else ''} (" in text
    made.cells.filter(position=2).delete()
    assert "1 of 1 cell has ended" in as_operator.get(reverse("experiment", args=[made.pk])).content.decode()


def test_the_form_starts_one_and_says_what_is_wrong(as_operator: Client, hosts: tuple[Host, Host]) -> None:
    wanted = {
        "design": "table-1", "runs": 1, "kinds": "lxc", "storages": "overlay", "transfers": "save", "applications": "game-server",
        "ram_mb": "50", "bandwidths_mbit": "10",
    }  # fmt: skip
    wrong = as_operator.post(reverse("start_experiment"), wanted | {"bandwidths_mbit": "ten"})
    assert wrong.status_code == 422
    assert "Write whole numbers, separated by commas." in wrong.content.decode()
    begun = as_operator.post(reverse("start_experiment"), wanted)
    assert begun.status_code == 302
    again = as_operator.post(reverse("start_experiment"), wanted)
    assert "Another experiment is under way" in again.content.decode()


def test_the_page_shows_how_far_it_is_and_stops_it(as_operator: Client, edge: dict[str, Any]) -> None:
    made = factories.experiment(edge["service"].host, edge["target"], status="running")
    text = as_operator.get(reverse("experiment", args=[made.pk])).content.decode()
    assert "1 of 2 cells has ended" in text
    as_operator.post(reverse("stop_experiment", args=[made.pk]))
    made.refresh_from_db()
    assert made.stop_requested_at is not None


def test_an_everyday_migration_belongs_to_no_cell(edge: dict[str, Any]) -> None:
    assert Migration.objects.get(pk=edge["migration"].pk).cell is None
