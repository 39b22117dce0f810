"""Where layers lie and how one is cloned."""

from .base import LayerStore, layer_of
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

__all__ = ["STORES", "LayerStore", "layer_of"]
