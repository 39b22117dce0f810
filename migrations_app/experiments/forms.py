"""The form that asks for an experiment."""

from typing import Any

from django import forms

from migrations_app.forms import Styled
from migrations_app.models import Application, Design, Host, Storage, kinds
from migrations_app.technologies import DEFAULT
from migrations_app.technologies.ways import TRANSFERS, technologies_of, ways_of

from .designs import AS_IN_THE_PAPER, BANDWIDTHS_MBIT, RAM_MB, Choice
from .feasible import MOST_RUNS, pair_of_hosts


def transfer_choices() -> list[tuple[str, str]]:
    """How the state may travel, as choices; with the technologies that can, where not all can."""
    return [
        (key, transfer.label if everyone(key) else f"{transfer.label} ({technologies_of(key)})")
        for key, transfer in TRANSFERS.items()
    ]


def everyone(transfer: str) -> bool:
    """Whether services of each technology can be transferred so."""
    return not any(way.technologies for way in ways_of(transfer).values())


class NumbersField(forms.CharField):
    """Whole numbers, separated by commas; each makes cells, so there is no room for hundreds."""

    def __init__(self, **about: Any) -> None:
        super().__init__(max_length=200, **about)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return tuple(int(word) for word in text.replace(",", " ").split())
        except ValueError as error:
            raise forms.ValidationError("Write whole numbers, separated by commas.") from error


class ExperimentForm(Styled, forms.Form):
    """What is measured, of what, and between which hosts."""

    design = forms.ChoiceField(label="Experiment", choices=Design.choices)
    runs = forms.IntegerField(
        label="Runs of each cell", initial=10, min_value=1, max_value=MOST_RUNS, help_text="The paper had ten"
    )
    preset = forms.ChoiceField(
        label="Preset",
        required=False,
        choices=[("", "None"), (AS_IN_THE_PAPER, "As in the paper: full copies, rsync, stop and copy")],
    )
    source = forms.ModelChoiceField(
        Host.objects.mec(), to_field_name="name", required=False, empty_label="The portal chooses", label="One host"
    )
    target = forms.ModelChoiceField(
        Host.objects.mec(), to_field_name="name", required=False, empty_label="The portal chooses", label="Other host"
    )
    kinds = forms.MultipleChoiceField(
        label="Kinds", choices=kinds, initial=[DEFAULT.key], widget=forms.CheckboxSelectMultiple
    )
    storages = forms.MultipleChoiceField(
        label="Storage", choices=Storage.choices, initial=[Storage.OVERLAY], widget=forms.CheckboxSelectMultiple
    )
    transfers = forms.MultipleChoiceField(
        label="Method", choices=transfer_choices, initial=["save"], widget=forms.CheckboxSelectMultiple
    )
    applications = forms.ModelMultipleChoiceField(
        Application.objects.lasting(),
        to_field_name="name",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: the paper's five; for Figure 5 the RAM simulation",
    )
    ram_mb = NumbersField(label="RAM in use (MB), for Figure 5, RAM", initial=", ".join(map(str, RAM_MB)))
    bandwidths_mbit = NumbersField(
        label="Bandwidths (Mbit/s), for Figure 5, bandwidth", initial=", ".join(map(str, BANDWIDTHS_MBIT))
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.style()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("source") or not cleaned.get("target"):
            pair = pair_of_hosts(tuple(cleaned.get("kinds", ())))
            if pair is None:
                raise forms.ValidationError(
                    "No two MEC hosts are ready for these kinds: register and check them first."
                )
            first = cleaned.get("source") or next(host for host in pair if host != cleaned.get("target"))
            cleaned["source"] = first
            cleaned["target"] = cleaned.get("target") or next(host for host in pair if host != first)
        return cleaned

    def wanted(self) -> dict[str, Any]:
        """What request_experiment takes."""
        values = self.cleaned_data
        choice = Choice(
            design=values["design"],
            preset=values["preset"],
            applications=tuple(app.name for app in values["applications"]),
            kinds=tuple(values["kinds"]),
            storages=tuple(values["storages"]),
            transfers=tuple(values["transfers"]),
            ram_mb=values["ram_mb"],
            bandwidths_mbit=values["bandwidths_mbit"],
        )
        return {"choice": choice, "source": values["source"], "target": values["target"], "runs": values["runs"]}
