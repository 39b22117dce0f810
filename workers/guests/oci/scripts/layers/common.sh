# What the scripts of OCI containers' layers share, behind workers/guests/oci/scripts/common.sh.
LAYERS=$MEC/layers/oci CONTENT=image

# A layer that is being built is written through `root`, the mounted root of a container of the base. Arguments: the directory, the
# base.
open_layer() {
    podman create --name "mec-build-$BUILD" --network none "$(import_image "$2")" /bin/sh >/dev/null
    mount --bind "$(podman mount "mec-build-$BUILD")" "$1/root"
}
# Run a command in it. Arguments: its root, the command.
enter_layer() { chroot "$@"; }
# Make the layer of what was written: an image that has the base's layer and one more. What is the base's own blob is the same file.
# Arguments: the directory, the base.
close_layer() {
    umount "$1/root"
    podman umount "mec-build-$BUILD" >/dev/null
    image=$(podman commit -q --format oci --change 'ENTRYPOINT ["/bin/sh", "/etc/mec/run"]' --change 'CMD []' "mec-build-$BUILD")
    save_image "$image" "$1/layer/image"
    for blob in "$2"/blobs/sha256/*; do
        [ ! -e "$1/layer/image/blobs/sha256/${blob##*/}" ] || ln -f "$blob" "$1/layer/image/blobs/sha256/${blob##*/}"
    done
}
# What a build that broke off left with Podman.
drop_build() { podman rm -f -t 0 "mec-build-$BUILD" >/dev/null 2>&1 || true; }
# What else this host gets of a layer that it keeps now: an application's image in Podman's storage, so that no clone waits for it.
# Argument: its directory.
adopt_layer() { case $1 in */app/*) import_image "$1/image" >/dev/null ;; esac; }
# What else this host has of a layer that is removed: its image in Podman's storage. Argument: its directory.
forget_layer() { podman rmi "$(image_in "$1/image")" >/dev/null 2>&1 || true; }
# What more than its digest is looked at in a layer that arrived. Argument: its directory.
vet_layer() { :; }

# Lay an image out in a directory. Not compressed: rsync does that where a link is slow, and the same layer is the same blob on every
# host. Arguments: image, directory, the command of the storage that has it (podman unless given).
save_image() {
    rm -rf "$2"
    "${3:-podman}" save -q --format oci-dir --uncompressed -o "$2" "$1" >/dev/null
}
