# Build an application layer on this host, idle, in a container's user namespace over the base.
# Arguments: layer, base, storage, number that names this build, python packages (space separated), debian packages.
LAYER=$1 BASE=$2 STORAGE=$3 BUILD=$4 PYTHON=$5 DEBIAN=$6
base=$MEC/layers/base/$BASE/rootfs
[ -d "$base" ] || fail "the base layer $BASE is not on this host: provision it first"
work=$MEC/incoming/build-$BUILD
place=$MEC/layers/app/$STORAGE/$LAYER
[ -d "$place" ] && { echo "digest=$(cat "$place/digest")"; echo "bytes=$(cat "$place/bytes")"; exit 0; }
root=$work/root
clean() {
    umount -R "$root/proc" "$root/dev/null" "$root/etc/resolv.conf" 2>/dev/null || true
    while mountpoint -q "$root"; do umount -R "$root" 2>/dev/null || umount -l "$root"; done
    rm -rf --one-file-system "$work"
}
trap 'status=$?; clean; exit $status' EXIT INT TERM
rm -rf "$work"
mkdir -p "$work/layer/rootfs" "$work/work" "$root"
chmod 711 "$MEC/incoming" "$work" "$work/layer"
chmod 755 "$work/layer/rootfs" "$root"
chown --reference="$base" "$work/layer/rootfs"
case $STORAGE in
    overlay) mount -t overlay "mec-build-$BUILD" -o "lowerdir=$base,upperdir=$work/layer/rootfs,workdir=$work/work,index=off,metacopy=off,redirect_dir=off" "$root" ;;
    directory) rmdir "$work/layer/rootfs"; cp -a "$base" "$work/layer/rootfs"; mount --bind "$work/layer/rootfs" "$root" ;;
esac
mount --rbind /proc "$root/proc"
mount --make-rslave "$root/proc"
inside() { lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
proxy=$(apt-config dump | sed -n 's/^Acquire::\(http\|https\)::Proxy "\(.*\)";$/Acquire::\1::Proxy=\2/p' | sed 's/^/-o /' | tr '\n' ' ')
if [ -n "$DEBIAN" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    inside apt-get $proxy -q update >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; fail "apt-get update failed: does this host reach a Debian mirror?"; }
    inside apt-get $proxy -q -y --no-install-recommends install $DEBIAN >"$work/log" 2>&1 || { tail -n 60 "$work/log" >&2; fail "the Debian packages could not be installed: $(grep -m1 '^E:' "$work/log")"; }
    inside apt-get clean
    rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/log/apt "$root"/var/log/dpkg.log
fi
if [ -n "$PYTHON" ]; then
    command -v pip3 >/dev/null || fail "pip3 is missing on this host: apt-get install python3-pip"
    version=$(inside python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "the layer has no python3: add it to debian_packages"
    pip3 install -q --no-compile --only-binary :all: --python-version "$version" --target "$work/python" $PYTHON >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; fail "the Python packages could not be installed: $(grep -m1 ERROR "$work/log")"; }
    mkdir -p "$root/usr/local/lib/python$version/dist-packages"
    cp -a "$work/python/." "$root/usr/local/lib/python$version/dist-packages/"
    chown -R 100000:100000 "$root/usr/local/lib/python$version"
    chmod -R u=rwX,go=rX "$root/usr/local/lib/python$version"
fi
# files of the recipe and its build commands, as the portal wrote them
umask 022
@STDIN@
umask 077
umount -R "$root/proc"
umount "$root"
tree_digest "$work/layer/rootfs" >"$work/layer/digest"
tree_bytes "$work/layer/rootfs" >"$work/layer/bytes"
mkdir -p "$MEC/layers/app/$STORAGE"
chmod 711 "$MEC/layers/app" "$MEC/layers/app/$STORAGE"
mv -T "$work/layer" "$place"
echo "digest=$(cat "$place/digest")"
echo "bytes=$(cat "$place/bytes")"
