# What the scripts of containers' layers share, behind workers/guests/lxc/scripts/common.sh.
LAYERS=$MEC/layers CONTENT=rootfs

# A layer that is being built in a directory lies in its `layer` and is written through `root`, a mount, in the containers' user
# namespace. Arguments: the directory, the base.
open_layer() {
    chmod 755 "$1/layer/rootfs" "$1/root"
    chown --reference="$2" "$1/layer/rootfs"
    case $STORAGE in
        overlay) mount -t overlay "mec-build-$BUILD" -o "lowerdir=$2,upperdir=$1/layer/rootfs,workdir=$1/work,index=off,metacopy=off,redirect_dir=off" "$1/root" ;;
        directory) rmdir "$1/layer/rootfs"; cp -a "$2" "$1/layer/rootfs"; mount --bind "$1/layer/rootfs" "$1/root" ;;
    esac
}
# Clone a tree that rsync is to send another into, without its hard links: rsync makes those of the source, and ends none. A file that
# is two at the source would stay one, and get the attributes of either. Arguments: the tree, the clone.
clone_unlinked() { cp -a --no-preserve=links "$1" "$2"; }

# Run a command in it. Arguments: its root, the command.
enter_layer() {
    root=$1
    shift
    lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- chroot "$root" "$@"
}
# Make the layer of what was written. Arguments: the directory, the base.
close_layer() { umount "$1/root"; }
# What a build that broke off left beside its directory.
drop_build() { :; }
# What else this host gets of a layer that it keeps now. Argument: its directory.
adopt_layer() { :; }
# What else this host has of a layer that is removed. Argument: its directory.
forget_layer() { :; }
# What more than its digest is looked at in a layer that arrived. Argument: its directory.
vet_layer() { :; }
