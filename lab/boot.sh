# First process of an emulated machine, in its fresh namespaces but still on the real machine's root.
# Arguments: name, image, run directory, the disk's directory for /var/lib/mec (empty where there is none).
name=$1 image=$2 run=$3 disk=$4
root=$run/root

# The upper directory of an overlay must not lie on an overlay, and this one may: so it is in memory.
mkdir -p "$run/memory" "$root"
mount -t tmpfs -o mode=755 tmpfs "$run/memory"
mkdir "$run/memory/upper" "$run/memory/scratch"
mount -t overlay -o "lowerdir=$image,upperdir=$run/memory/upper,workdir=$run/memory/scratch" overlay "$root"
cp -a --no-preserve=ownership "$run/seed/." "$root/"

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mount --bind /sys/fs/cgroup "$root/sys/fs/cgroup"
else
    mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
    while read -r tree options; do
        mkdir "$root/sys/fs/cgroup/$tree"
        mount -t cgroup -o "$options" cgroup "$root/sys/fs/cgroup/$tree"
    done < "$run/cgroups"
fi

mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for node in null zero full random urandom tty kvm loop-control; do
    [ ! -e "/dev/$node" ] || cp -a "/dev/$node" "$root/dev/$node"
done
# as udev leaves it: where libvirt's user may not open what libvirt's own look found usable, libvirt looks anew for 20 s at each start
[ ! -e "$root/dev/kvm" ] || { chroot "$root" chgrp kvm /dev/kvm && chmod 660 "$root/dev/kvm"; }
# an application is installed into a disk image through a loop device; all machines on this one share their numbers
for number in $(seq 0 63); do mknod "$root/dev/loop$number" b 7 "$number"; done
mkdir "$root/dev/net" "$root/dev/pts" "$root/dev/shm"
[ ! -e /dev/net/tun ] || cp -a /dev/net/tun "$root/dev/net/tun"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "$root/dev/${number#*:}"; done

mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
mkdir "$root/run/sshd" "$root/run/lock"
if [ -n "$disk" ]; then
    mount --rbind "$disk" "$root/var/lib/mec"
    # Podman's storage on the same disk, as on a host that has one
    mkdir -p "$disk/containers"
    ln -sfn mec/containers "$root/var/lib/containers"
fi

# CRIU wants a root that is a mount point of the namespace's own, which a chroot is not.
mkdir -p "$root/mnt"
cd "$root"
pivot_root . mnt
cd /
umount -l /mnt
hostname "$name"
# what systemd would do: a service that ends is started again
again() { while :; do "$@" || true; sleep 1; done; }
[ -z "$disk" ] || again /usr/sbin/libvirtd >/dev/null 2>&1 &
exec /usr/bin/tini -- /bin/sh -c 'while :; do /usr/sbin/sshd -D -e; sleep 1; done'
