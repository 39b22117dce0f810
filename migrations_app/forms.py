"""Forms: they read what a person typed; what may be is decided in the models and actions."""

from typing import Any

from django import forms

from migrations_app.models import Application, Host, Service, Storage, kinds
from migrations_app.models.names import validate_given_name
from migrations_app.technologies import TECHNOLOGIES
from migrations_app.technologies.ways import TRANSFERS


class Styled:
    """Tabler's classes on each control, and the help joined to it for screen readers."""

    fields: dict[str, Any]

    def style(self) -> None:
        for name, field in self.fields.items():
            widget = field.widget
            if isinstance(widget, forms.CheckboxSelectMultiple):
                continue
            select = isinstance(widget, forms.Select)
            widget.attrs["class"] = (
                widget.attrs.get("class", "") + (" form-select" if select else " form-control")
            ).strip()
            if field.help_text:
                widget.attrs["aria-describedby"] = f"help_{name}"


class HostForm(Styled, forms.ModelForm):  # type: ignore[type-arg]
    """A host as the operator describes it; its key is pinned in a second step."""

    class Meta:
        model = Host
        fields = [
            "name",
            "role",
            "address",
            "port",
            "user",
            "key_file",
            "backhaul_address",
            "bandwidth_mbit",
            "access_bridge",
            "place",
            "latitude",
            "longitude",
        ]
        labels = {
            "key_file": "Key file",
            "bandwidth_mbit": "Backhaul bandwidth (Mbit/s)",
            "latitude": "Latitude (degrees, optional)",
            "longitude": "Longitude (degrees, optional)",
            "place": "Place (optional)",
            "backhaul_address": "Backhaul address",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = "Lower-case letters, digits and inner hyphens"
        self.style()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("role") == "mec" and not cleaned.get("backhaul_address"):
            self.add_error("backhaul_address", "A MEC host needs a backhaul address: other hosts reach it there.")
        return cleaned


class RecipeForm(Styled, forms.Form):
    """A recipe, pasted."""

    text = forms.CharField(
        label="Recipe (TOML)",
        max_length=200_000,
        widget=forms.Textarea(attrs={"class": "recipe", "spellcheck": "false", "rows": 22}),
        help_text="Files are written into the recipe with “content”; a pasted recipe cannot read files beside it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.style()


class DeployForm(Styled, forms.Form):
    """A new service."""

    name = forms.CharField(max_length=40, help_text="Lower-case letters, digits and inner hyphens")
    application = forms.ModelChoiceField(Application.objects.lasting(), to_field_name="name", empty_label="Choose …")
    host = forms.ModelChoiceField(Host.objects.mec(), to_field_name="name", empty_label="Choose …")
    kind = forms.ChoiceField(choices=kinds)
    storage = forms.ChoiceField(
        choices=Storage.choices,
        help_text=f"Overlay: a clone is {' or '.join(f'{each.clone} ({each})' for each in TECHNOLOGIES.values())}. Directory: a "
        "full copy, as in the paper.",
    )
    address = forms.GenericIPAddressField(
        required=False, label="Address (optional)", help_text="Left empty, the first free one is given"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.style()

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        validate_given_name(name)
        if Service.objects.filter(name=name).exists():
            raise forms.ValidationError(f"There is a service {name} already: choose another name.")
        return name


class PolicyForm(Styled, forms.ModelForm):  # type: ignore[type-arg]
    """What the choice between two and three layers is made for."""

    class Meta:
        model = Service
        fields = ["policy", "cost_per_downtime_s", "cost_per_total_s", "cost_per_mb"]
        labels = {
            "policy": "Choose two or three layers for the",
            "cost_per_downtime_s": "Cost of a second of downtime",
            "cost_per_total_s": "Cost of a second in all",
            "cost_per_mb": "Cost of a megabyte",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policy"].help_text = "The costs count for the least weighted cost only"
        self.style()


class BuildForm(Styled, forms.Form):
    """Where an application layer is wanted, and how it is to lie there."""

    host = forms.ModelChoiceField(Host.objects.mec(), to_field_name="name", empty_label="Choose …")
    kind = forms.ChoiceField(choices=kinds)
    storage = forms.ChoiceField(choices=Storage.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.style()


class MigrateForm(forms.Form):
    """Where to, with how many layers, and why."""

    target = forms.ModelChoiceField(Host.objects.mec(), to_field_name="name")
    layers = forms.ChoiceField(choices=[("auto", "Chosen"), ("3", "Three layers"), ("2", "Two layers")])
    how = forms.ChoiceField(choices=[(key, "") for key in TRANSFERS], required=False)
    reason = forms.CharField(max_length=200, required=False)
