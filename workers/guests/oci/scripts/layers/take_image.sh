# Make an application layer of an OCI image as it is: one that this host has, or pulls, or that came in an archive.
# Arguments: layer, storage, mark that names this build, image, and the SHA-256 of the archive where that is empty. Given is how a
# container of it is made (create_container), and whether the recipe changes the image (has_changes).
LAYER=$1 STORAGE=$2 BUILD=$3 IMAGE=$4 DIGEST=$5
work=$MEC/incoming/$BUILD
place=$LAYERS/app/$STORAGE/$LAYER
[ -d "$place" ] && { layer_facts "$place"; exit 0; }

# What comes from elsewhere comes into a storage of its own: this host may have another image of that name.
own=yes
builder() { if [ -n "$own" ]; then podman --root "$work/storage" --runroot "$work/run" "$@"; else podman "$@"; fi; }
clean() {
    builder rm -f -t 0 "mec-build-$BUILD" >/dev/null 2>&1 || true
    [ -n "$own" ] || [ -z "${committed:-}" ] || podman rmi "$committed" >/dev/null 2>&1 || true
    umount "$work/storage/overlay" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
# shellcheck disable=SC2154
trap 'status=$?; clean; exit $status' EXIT INT TERM
mkdir -p "$work/layer"
if [ -n "$DIGEST" ]; then
    [ "$(sha256sum <"$work/archive" | cut -d' ' -f1)" = "$DIGEST" ] || fail "the archive of $LAYER arrived damaged: try again"
    builder load -q -i "$work/archive" >"$work/log" 2>&1 || fail "Podman does not take the archive of $LAYER: $(tail -n1 "$work/log")"
    rm "$work/archive"
    image=$(builder images -q --no-trunc | sort -u | tail -n1)
elif podman image exists "$IMAGE"; then
    own=
    image=$(podman image inspect --format '{{.Id}}' "$IMAGE")
else
    builder pull -q "$IMAGE" >"$work/log" 2>&1 || fail "$IMAGE is not on this host and cannot be pulled: $(tail -n1 "$work/log")"
    image=$(builder image inspect --format '{{.Id}}' "$IMAGE")
fi

given >"$work/create.sh"
# shellcheck source=/dev/null
. "$work/create.sh"
container=$(create_container "$image" 2>"$work/log") || fail "Podman makes no container of the image: $(tail -n1 "$work/log")"
# a volume is a directory of the instance layer, which the image need not have; where a link leads is the image's business
root=$(builder mount "$container")
# shellcheck disable=SC2016
made=$(builder image inspect --format '{{range $volume, $_ := .Config.Volumes}}{{println $volume}}{{end}}' "$image" | while read -r volume; do
    [ -n "$volume" ] && [ ! -e "$root$volume" ] && [ "$(realpath -m "$root$volume")" = "$root$volume" ] || continue
    (umask 022 && mkdir -p "$root$volume")
    echo made
done)
builder umount "$container" >/dev/null
# shellcheck disable=SC2154
if [ -n "$made$has_changes" ]; then
    committed=$(builder commit -q --format oci "$container")
    image=$committed
fi
save_image "$image" "$work/layer/image" builder
keep_built "$work" "$place"
