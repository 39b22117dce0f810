# Build an application layer on this host, idle, over the base: nothing is booted.
# Arguments: kind, layer, base, storage, mark that names this build, python packages (space separated), debian packages.
KIND=$1 LAYER=$2 BASE=$3 STORAGE=$4 BUILD=$5 PYTHON=$6 DEBIAN=$7
work=$MEC/incoming/$BUILD
root=$work/root
case $KIND in
    lxc) layers=$MEC/layers content=rootfs ;;
    kvm) layers=$MEC/layers/kvm content=image ;;
esac
base=$layers/base/$BASE/$content
place=$layers/app/$STORAGE/$LAYER
[ -d "$base" ] || fail "the base layer $BASE ($KIND) is not on this host: provision it first"
[ -d "$place" ] && { echo "digest=$(cat "$place/digest")"; echo "bytes=$(cat "$place/bytes")"; exit 0; }

# A container's layer is written through a mount, in its user namespace.
open_lxc() {
    chmod 755 "$work/layer/rootfs" "$root"
    chown --reference="$base" "$work/layer/rootfs"
    case $STORAGE in
        overlay) mount -t overlay "mec-build-$BUILD" -o "lowerdir=$base,upperdir=$work/layer/rootfs,workdir=$work/work,index=off,metacopy=off,redirect_dir=off" "$root" ;;
        directory) rmdir "$work/layer/rootfs"; cp -a "$base" "$work/layer/rootfs"; mount --bind "$work/layer/rootfs" "$root" ;;
    esac
}
enter_lxc() { lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- chroot "$root" "$@"; }
close_lxc() { umount "$root"; }

# A virtual machine's layer is written into a plain copy of the base, mounted without booting it; then only what differs
# from the base becomes the layer. (QEMU's FUSE export gives up discarding at the first piece that fits none of its clusters,
# and what was deleted would travel.)
open_kvm() {
    qemu-img convert -O raw "$base/disk.qcow2" "$work/disk.raw"
    mount -o loop,discard "$work/disk.raw" "$root"
}
enter_kvm() { chroot "$root" "$@"; }
close_kvm() {
    fstrim "$root"
    umount "$root"
    disk=$work/layer/image/disk.qcow2
    case $STORAGE in
        overlay)
            qemu-img create -q -f qcow2 -F raw -b "$work/disk.raw" "$disk"
            qemu-img rebase -f qcow2 -F qcow2 -b "$base/disk.qcow2" "$disk"
            ;;
        directory) qemu-img convert -O qcow2 "$work/disk.raw" "$disk" ;;
    esac
    # QEMU reads it as a user of libvirt's
    chmod -R a=rX "$work/layer/image"
}

clean() {
    umount -R "$root/proc" "$root/dev/null" "$root/etc/resolv.conf" 2>/dev/null || true
    while mountpoint -q "$root"; do umount -R "$root" 2>/dev/null || umount -l "$root"; done
    rm -rf --one-file-system "$work"
}
# shellcheck disable=SC2154
trap 'status=$?; clean; exit $status' EXIT INT TERM
clean
mkdir -p "$work/layer/$content" "$work/work" "$root"
chmod 711 "$MEC/incoming" "$work" "$work/layer"
"open_$KIND"
mount --rbind /proc "$root/proc"
mount --make-rslave "$root/proc"
inside() { "enter_$KIND" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
proxy=$(apt-config dump | sed -n 's/^Acquire::\(http\|https\)::Proxy "\(.*\)";$/Acquire::\1::Proxy=\2/p' | sed 's/^/-o /' | tr '\n' ' ')
if [ -n "$DEBIAN" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    inside apt-get $proxy -q update >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; fail "apt-get update failed: does this host reach a Debian mirror?"; }
    # no file is forced to disk on its own: a layer that is not finished is thrown away
    inside apt-get $proxy -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io install $DEBIAN >"$work/log" 2>&1 || { tail -n 60 "$work/log" >&2; fail "the Debian packages could not be installed: $(grep -m1 '^E:' "$work/log")"; }
    inside apt-get clean
    rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/log/apt "$root"/var/log/dpkg.log
fi
if [ -n "$PYTHON" ]; then
    command -v pip3 >/dev/null || fail "pip3 is missing on this host: apt-get install python3-pip"
    version=$(inside python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "the layer has no python3: add it to debian_packages"
    pip3 install -q --no-compile --only-binary :all: --python-version "$version" --target "$work/python" $PYTHON >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; fail "the Python packages could not be installed: $(grep -m1 ERROR "$work/log")"; }
    mkdir -p "$root/usr/local/lib/python$version/dist-packages"
    cp -a "$work/python/." "$root/usr/local/lib/python$version/dist-packages/"
    chown -R --reference="$root/usr/local" "$root/usr/local/lib/python$version"
    chmod -R u=rwX,go=rX "$root/usr/local/lib/python$version"
fi
# files of the recipe and its build commands, as the portal wrote them
umask 022
given >"$work/recipe.sh"
. "$work/recipe.sh"
umask 077
umount -R "$root/proc"
"close_$KIND"
tree_digest "$work/layer/$content" >"$work/layer/digest"
tree_bytes "$work/layer/$content" >"$work/layer/bytes"
mkdir -p "$layers/app/$STORAGE"
chmod 711 "$layers" "$layers/app" "$layers/app/$STORAGE"
# another service of this application may have been deployed here at the same time: the first layer stays
mv -T "$work/layer" "$place" 2>/dev/null || [ -s "$place/digest" ] || fail "the layer could not be put to $place"
echo "digest=$(cat "$place/digest")"
echo "bytes=$(cat "$place/bytes")"
