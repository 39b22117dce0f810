# Build a base layer from Debian's packages, as an image of one layer. Arguments: name.
NAME=$1
place=$LAYERS/base/$NAME
[ -d "$place" ] && fail "the base layer $NAME is on this host already"
work=$MEC/incoming/base-oci-$NAME
mirror=$(debian_mirror)
# shellcheck disable=SC2154
trap 'status=$?; rm -rf --one-file-system "$work"; exit $status' EXIT INT TERM
rm -rf "$work"
mkdir -p "$work/layer"
eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy
debootstrap --variant=minbase --include=python3-minimal,iproute2,ca-certificates trixie "$work/root" "$mirror" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "debootstrap failed: $(tail -n1 "$work/log")"
}
rm -rf "$work/root/var/cache/apt/archives"/*.deb "$work/root"/var/cache/apt/*.bin "$work/root"/var/lib/apt/lists/*
echo "deb $mirror trixie main" >"$work/root/etc/apt/sources.list"
image=$(tar --numeric-owner --xattrs --xattrs-include='*' -C "$work/root" -c . | podman import -q - "localhost/mec-base:$NAME")
save_image "$image" "$work/layer/image"
tree_digest "$work/layer/image" >"$work/layer/digest"
tree_bytes "$work/layer/image" >"$work/layer/bytes"
mkdir -p "$LAYERS/base"
chmod 711 "$LAYERS" "$LAYERS/base" "$work/layer"
mv -T "$work/layer" "$place"
