"""./manage.py experiment: run, list, stop and report experiments."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from migrations_app import actions
from migrations_app.experiments.designs import AS_IN_THE_PAPER, BANDWIDTHS_MBIT, RAM_MB, Choice
from migrations_app.experiments.feasible import pair_of_hosts
from migrations_app.experiments.files import report_csv, report_html, report_markdown
from migrations_app.experiments.report import MEASURES, report
from migrations_app.management.answering import REFUSED
from migrations_app.management.command import PortalCommand
from migrations_app.management.following import POLL_S, WORKER_LIMIT_S, get, refused
from migrations_app.models import Design, Experiment, ExperimentStatus, Host, Storage
from migrations_app.technologies import DEFAULT, TECHNOLOGIES
from migrations_app.technologies.ways import TRANSFERS


def _as_json(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=2) + "\n"


# The report's files by their ending
WRITERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "json": _as_json,
    "csv": report_csv,
    "md": report_markdown,
    "html": report_html,
}


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in _words(text))
    except ValueError as error:
        raise CommandError(f"“{text}” is no list of whole numbers: write them as 50,100,200.") from error


class Command(PortalCommand):
    help = "Repeat the paper's evaluation on two hosts. `run` waits for the end; exit code 0: all cells were measured."

    def add_arguments(self, parser: CommandParser) -> None:
        sub = parser.add_subparsers(dest="action", required=True)
        run = sub.add_parser("run", help=f"run one: {', '.join(Design.values)}")
        run.add_argument("design", metavar="NAME")
        run.add_argument("--runs", type=int, default=10, help="measured migrations of each cell")
        run.add_argument("--kinds", default=DEFAULT.key, help=f"of {','.join(TECHNOLOGIES)}")
        run.add_argument("--applications", default="", help="default: the paper's five; for Figure 5 ram-simulation")
        run.add_argument("--storages", default="overlay", help=f"of {','.join(Storage.values)}")
        run.add_argument("--methods", default="save", help=f"of {','.join(TRANSFERS)}")
        run.add_argument("--preset", default="", help=AS_IN_THE_PAPER)
        run.add_argument("--ram", default=",".join(map(str, RAM_MB)), help="MB, for figure-5-ram")
        run.add_argument("--bandwidths", default=",".join(map(str, BANDWIDTHS_MBIT)), help="Mbit/s, figure-5-bandwidth")
        run.add_argument(
            "--hosts", default="", help="two of them, as mec-1,mec-2 (default: those with the fewest services)"
        )
        self._files(run)
        told = sub.add_parser("report", help="print an experiment's report, or write it to files")
        told.add_argument("number", type=int)
        self._files(told)
        sub.add_parser("stop", help="stop one; the edge is left as it was found").add_argument("number", type=int)
        sub.add_parser("list", help="list the experiments")

    @staticmethod
    def _files(parser: CommandParser) -> None:
        for ending in WRITERS:
            parser.add_argument(
                f"--{ending}", type=Path, metavar="FILE", help=f"write the report there as {ending.upper()}"
            )

    def handle(self, *, action: str, **options: Any) -> None:
        for ending in WRITERS:
            file = options.get(ending)
            if file is not None and not file.resolve().parent.is_dir():
                raise CommandError(f"There is no folder {file.resolve().parent}: make it first.")
        try:
            getattr(self, f"do_{action}")(options)
        except (ValidationError, CommandError) as error:
            fault = refused(error) if isinstance(error, ValidationError) else error
            if file := options.get("json"):  # what an earlier run has left there would be taken for this one's
                file.write_text(_as_json({"outcome": REFUSED, "error": str(fault)}))
            raise fault from error

    def do_run(self, options: dict[str, Any]) -> None:
        kinds = _words(options["kinds"])
        choice = Choice(
            design=options["design"],
            preset=options["preset"],
            applications=_words(options["applications"]),
            kinds=kinds,
            storages=_words(options["storages"]),
            transfers=_words(options["methods"]),
            ram_mb=_numbers(options["ram"]),
            bandwidths_mbit=_numbers(options["bandwidths"]),
        )
        source, target = self._hosts(options["hosts"], kinds)
        experiment = actions.request_experiment(choice=choice, source=source, target=target, runs=options["runs"])
        try:
            self._follow(experiment)
        except KeyboardInterrupt as error:
            raise CommandError(
                f"The experiment goes on; “./manage.py experiment stop {experiment.pk}” ends it."
            ) from error
        self._tell(experiment, options)
        if experiment.status != ExperimentStatus.FINISHED or experiment.cells.exclude(status="done").exists():
            sys.exit(1)

    def _hosts(self, text: str, kinds: tuple[str, ...]) -> tuple[Host, Host]:
        names = _words(text)
        if names:
            if len(names) != 2:
                raise CommandError("An experiment runs on two hosts: write --hosts mec-1,mec-2.")
            return get(Host, names[0]), get(Host, names[1])
        pair = pair_of_hosts(tuple(kind for kind in kinds if kind in TECHNOLOGIES))
        if pair is None:
            raise CommandError("No two MEC hosts are ready for these kinds: register and check them first.")
        return pair

    def _follow(self, experiment: Experiment) -> None:
        said, began = "", time.monotonic()
        while True:
            experiment.refresh_from_db()
            if experiment.message and experiment.message != said:
                said = experiment.message
                ended = experiment.cells.filter(status__in=("done", "failed")).count()
                self.stdout.write(f"[{ended}/{experiment.cells.count()}] {said}")
            if not experiment.is_active:
                return
            if experiment.status == ExperimentStatus.QUEUED and time.monotonic() - began > WORKER_LIMIT_S and not said:
                raise CommandError(
                    "No worker has taken this yet: is the portal running (./manage.py portal up)? It stays queued."
                )
            time.sleep(POLL_S)

    def do_report(self, options: dict[str, Any]) -> None:
        self._tell(self._get(options["number"]), options)

    def do_stop(self, options: dict[str, Any]) -> None:
        experiment = self._get(options["number"])
        actions.stop_experiment(experiment=experiment)
        while experiment.is_active:
            time.sleep(POLL_S)
            experiment.refresh_from_db()
        self.stdout.write(f"{experiment}: {experiment.message}")

    def do_list(self, _options: dict[str, Any]) -> None:
        for row in Experiment.objects.select_related("source", "target"):
            self.stdout.write(
                f"#{row.pk:<4} {row.design:<20} {row.source} {row.target}  {row.shown_status.label:<10} {row.message}"
            )

    @staticmethod
    def _get(number: int) -> Experiment:
        row = Experiment.objects.select_related("source", "target").filter(pk=number).first()
        if row is None:
            raise CommandError(f"There is no experiment #{number}: “./manage.py experiment list” names them.")
        return row

    def _tell(self, experiment: Experiment, options: dict[str, Any]) -> None:
        told = report(self._get(experiment.pk))
        for ending, written in WRITERS.items():
            if file := options.get(ending):
                file.write_text(written(told))
                self.stdout.write(f"Written: {file}")
        Console(width=None if sys.stdout.isatty() else 160).print(_table(told))
        for line, value in told["linear"].items():
            self.stdout.write(f"{line}: R² of total time against RAM in use: {value}")


def _table(told: dict[str, Any]) -> Table:
    """Means, half of the 95 % confidence interval, and the paper's mean beside them."""
    table = Table(title=f"{told['title']}: mean ± 95 % confidence, (the paper's mean)", title_justify="left")
    table.add_column("cell")
    table.add_column("n", justify="right")
    for _key, title, unit, _read in MEASURES:
        table.add_column(f"{title} ({unit})", justify="right")
    table.add_column("", style="red")
    for cell in told["cells"]:
        figures = [_figure(cell["measures"][key]) for key, *_rest in MEASURES]
        table.add_row(cell["title"], str(cell["n"]), *figures, cell["error"])
    return table


def _figure(measured: dict[str, Any]) -> str:
    theirs = f" ({measured['paper']})" if measured["paper"] is not None else ""
    if not measured["n"]:
        return f"–{theirs}"
    spread = f" ± {measured['ci95']:.2f}" if measured["ci95"] is not None else ""
    return f"{measured['mean']:.2f}{spread}{theirs}"
