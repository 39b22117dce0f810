# Build a base layer from Debian's packages, owned by a container's users. Arguments: name.
NAME=$1
place=$MEC/layers/base/$NAME
[ -d "$place" ] && fail "the base layer $NAME is on this host already"
work=$MEC/incoming/base-$NAME
mirror=$(debian_mirror)
rm -rf "$work"
mkdir -p "$work/rootfs"
eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy
debootstrap --variant=minbase --include=python3-minimal,iproute2 trixie "$work/rootfs" "$mirror" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "debootstrap failed: $(tail -n1 "$work/log")"
}
rm -rf "$work/rootfs/var/cache/apt/archives"/*.deb "$work/rootfs"/var/lib/apt/lists/*
# chown drops the set-user-id bits, so modes are noted before and set again after
(cd "$work/rootfs" && find . -perm /6000 -type f -printf '%m %p\n') >"$work/modes"
python3 - "$work/rootfs" <<'PYTHON'
import os, sys
for folder, folders, files in os.walk(sys.argv[1]):
    for path in [folder, *(os.path.join(folder, name) for name in files + folders if os.path.islink(os.path.join(folder, name)) or name in files)]:
        about = os.lstat(path)
        if about.st_uid < 65536:
            os.lchown(path, about.st_uid + 100000, about.st_gid + 100000)
PYTHON
(cd "$work/rootfs" && while read -r mode path; do chmod "$mode" "$path"; done) <"$work/modes"
mkdir -p "$MEC/layers/base" "$work/layer"
mv "$work/rootfs" "$work/layer/rootfs"
layer_digest "$work/layer/rootfs" >"$work/layer/digest"
tree_bytes "$work/layer/rootfs" >"$work/layer/bytes"
chmod 711 "$MEC/layers" "$MEC/layers/base" "$work/layer"
mv -T "$work/layer" "$place"
rm -rf "$work"
