"""Where layers lie and how one is cloned."""

from .base import KEEP_LIMIT_S, LayerStore, layer_of
from .directory import DirectoryStore
from .images import BackedImages, FullImages
from .oci import ImageStore
from .overlay import OverlayStore

# by kind of guest and storage
STORES: dict[tuple[str, str], LayerStore] = {
    ("lxc", "overlay"): OverlayStore(),
    ("lxc", "directory"): DirectoryStore(),
    ("oci", "overlay"): ImageStore(),
    ("kvm", "overlay"): BackedImages(),
    ("kvm", "directory"): FullImages(),
}

__all__ = ["KEEP_LIMIT_S", "STORES", "LayerStore", "layer_of"]
