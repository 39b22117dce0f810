# What the scripts of virtual machines' layers share, behind workers/guests/kvm/scripts/common.sh.
LAYERS=$MEC/layers/kvm CONTENT=image

# A layer that is being built in a directory lies in its `layer` and is written through `root`, a plain copy of the base, mounted
# without booting it; then only what differs from the base becomes the layer. (QEMU's FUSE export gives up discarding at the first
# piece that fits none of its clusters, and what was deleted would travel.) Arguments: the directory, the base.
open_layer() {
    qemu-img convert -O raw "$2/disk.qcow2" "$1/disk.raw"
    mount -o loop,discard "$1/disk.raw" "$1/root"
}
# Run a command in it. Arguments: its root, the command.
enter_layer() { chroot "$@"; }
# Make the layer of what was written. Arguments: the directory, the base.
close_layer() {
    fstrim "$1/root"
    umount "$1/root"
    disk=$1/layer/image/disk.qcow2
    case $STORAGE in
        overlay)
            qemu-img create -q -f qcow2 -F raw -b "$1/disk.raw" "$disk"
            qemu-img rebase -f qcow2 -F qcow2 -b "$2/disk.qcow2" "$disk"
            ;;
        directory) qemu-img convert -O qcow2 "$1/disk.raw" "$disk" ;;
    esac
    # QEMU reads it as a user of libvirt's
    chmod -R a=rX "$1/layer/image"
}
# What a build that broke off left beside its directory.
drop_build() { :; }
# What else this host gets of a layer that it keeps now. Argument: its directory.
adopt_layer() { :; }
# What else this host has of a layer that is removed. Argument: its directory.
forget_layer() { :; }
# What more than its digest is looked at in a layer that arrived: QEMU opens it. Argument: its directory.
vet_layer() { stands_on_layers "$1/image/disk.qcow2"; }
