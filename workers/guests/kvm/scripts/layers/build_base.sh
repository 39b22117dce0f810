# Build a KVM base layer from Debian's packages, without booting it: a disk image, its kernel and initial RAM disk.
# Arguments: name.
NAME=$1
place=$MEC/layers/kvm/base/$NAME
[ -d "$place" ] && fail "the base layer $NAME is on this host already"
work=$MEC/incoming/base-kvm-$NAME
root=$work/root
mirror=$(debian_mirror)
clean() {
    umount "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$work"
}
# shellcheck disable=SC2154
trap 'status=$?; clean; exit $status' EXIT INT TERM
clean
mkdir -p "$work/layer/image"
eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
[ -z "${http_proxy:-}" ] || export http_proxy
packages=python3-minimal,iproute2,ca-certificates,linux-image-cloud-amd64,initramfs-tools,qemu-guest-agent,util-linux-extra
# the recipes' packages must not start daemons, and the initial RAM disk needs a disk and a network card, no more
debootstrap --variant=minbase --include=$packages trixie "$root" "$mirror" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "debootstrap failed: $(tail -n1 "$work/log")"
}
printf 'MODULES=list\nCOMPRESS=zstd\n' >"$root/etc/initramfs-tools/conf.d/mec"
printf '%s\n' virtio_pci virtio_blk virtio_net virtio_console virtio_rng virtio_balloon pvpanic_mmio pvpanic_pci ext4 \
    >>"$root/etc/initramfs-tools/modules"
mount -t proc proc "$root/proc"
chroot "$root" update-initramfs -u >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; fail "the initial RAM disk could not be made"; }
umount "$root/proc"
mv "$root"/boot/vmlinuz-* "$work/layer/image/vmlinuz"
mv "$root"/boot/initrd.img-* "$work/layer/image/initrd.img"
rm -rf "${root:?}"/boot/* "$root/var/cache/apt/archives"/*.deb "$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/* "$root"/vmlinuz* "$root"/initrd.img*
echo "deb $mirror trixie main" >"$root/etc/apt/sources.list"
mkdir -p "$root/etc/mec"
cat >"$root/etc/mec/init" <<'INIT'
#!/bin/sh
# First process of a guest: network from the kernel's command line, the host's agent, and the service as the first
# process of a namespace of its own, as it is in a container.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -o remount,rw,noatime /
[ -e /proc/self ] || mount -t proc proc /proc
[ -e /sys/class ] || mount -t sysfs sysfs /sys
mountpoint -q /dev || mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=0620,gid=5,ptmxmode=0666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mountpoint -q /run || mount -t tmpfs -o mode=755 tmpfs /run
ln -sfn /proc/self/fd /dev/fd
mount -t tmpfs -o mode=1777 tmpfs /tmp
value() { tr ' ' '\n' </proc/cmdline | sed -n "s/^mec\.$1=//p"; }
hostname "$(value name)"
ip link set lo up
ip addr add "$(value address)" dev eth0
ip link set eth0 up
for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = org.qemu.guest_agent.0 ] && qemu-ga -d -m virtio-serial -p "/dev/${port##*/}"
done
unshare --pid --mount-proc --fork /bin/sh /etc/mec/run
tail -n 20 /var/log/mec-service.log >/dev/console # the host sees no other file of a guest that ended
sync
mount -o remount,ro /
mkfifo /run/end
echo o >/proc/sysrq-trigger
# wait by what is in memory already: the disk is gone before the machine is, and a first process that ends is a panic
read -r _ <>/run/end
INIT
# what the agent runs when the host asks for the end: the service ends as in a container, and then its machine
cat >"$root/sbin/shutdown" <<'SHUTDOWN'
#!/bin/sh
for process in /proc/[0-9]*; do
    [ "$(tr '\0' ' ' <"$process/cmdline")" = "/bin/sh /etc/mec/run " ] && kill -TERM "${process#/proc/}"
done
exit 0 # the agent reports anything else as a shutdown that failed
SHUTDOWN
chmod 755 "$root/etc/mec/init" "$root/sbin/shutdown"
# whole inode tables and journal, so that no guest fills them in later and makes its own layer larger by that
truncate -s 4G "$work/disk.raw"
mke2fs -q -t ext4 -J size=16 -E root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0 -L mec -d "$root" "$work/disk.raw"
qemu-img convert -O qcow2 "$work/disk.raw" "$work/layer/image/disk.qcow2"
chmod -R a=rX "$work/layer/image"
tree_digest "$work/layer/image" >"$work/layer/digest"
tree_bytes "$work/layer/image" >"$work/layer/bytes"
mkdir -p "$MEC/layers/kvm/base"
chmod 711 "$work/layer" "$MEC/layers/kvm" "$MEC/layers/kvm/base"
mv -T "$work/layer" "$place"
