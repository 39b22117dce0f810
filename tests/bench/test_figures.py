"""A figure is shown as soon as it is measured, and judged by its median."""

import pytest
from rich.console import Console

from tests.bench.table import Figures


def test_a_figure_is_shown_at_once_and_again_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Figures()
    figures.add("    game-server: total (s)", [1.5, 1.4, 9.0], 3.0)
    assert "game-server: total (s): 1.50 (1.40 to 9.00, n=3), bar 3: met" in capsys.readouterr().err
    figures.add("downtime of LXC / KVM", [1.0], 1.0)
    assert "downtime of LXC / KVM: 1.00, bar 1: missed" in capsys.readouterr().err
    Console(width=130).print(figures.table())
    shown = capsys.readouterr().out
    assert shown.index("game-server: total (s)") < shown.index("downtime of LXC / KVM")
