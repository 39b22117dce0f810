"""Where static files come from besides this repository."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

SERVED_AS = "vendor/plotly/plotly.min.js"


class PlotlyFinder(BaseFinder):
    """Serves the one script that the installed plotly package carries, and nothing else of it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        spec = find_spec("plotly")
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError("The plotly package is not installed: install requirements.lock.")
        self.folder = Path(spec.submodule_search_locations[0]) / "package_data"
        self.storage = FileSystemStorage(location=str(self.folder))
        self.storage.prefix = str(Path(SERVED_AS).parent)  # type: ignore[attr-defined]

    def check(self, **kwargs: Any) -> list[Any]:
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        found = [str(self.folder / Path(SERVED_AS).name)] if path == SERVED_AS else []
        return found if find_all else (found[0] if found else [])

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        yield Path(SERVED_AS).name, self.storage
