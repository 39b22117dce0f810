"""Where layers lie and how one is cloned."""

from .base import LayerStore
from .directory import DirectoryStore
from .overlay import OverlayStore

STORES: dict[str, LayerStore] = {"overlay": OverlayStore(), "directory": DirectoryStore()}

__all__ = ["STORES", "LayerStore"]
