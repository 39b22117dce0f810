# What all scripts share. Each runs as root on a host by `sh -eu -s -- arguments`, prints key=value lines and, on failure,
# one sentence on standard error as its last line.
umask 077
export LC_ALL=C
MEC=/var/lib/mec
INSTANCES=$MEC/instances

fail() { echo "$*" >&2; exit 1; }

# The digest of a tree: names, kinds, modes, owners, link targets and contents; not times, which a clone may change.
tree_digest() {
    (
        cd "$1"
        find . -printf '%P\t%y\t%m\t%U\t%G\t%l\n' | sort
        find . -type f -print0 | sort -z | xargs -0r xxh128sum
    ) | xxh128sum | cut -d' ' -f1
}

# Bytes that an interface has sent since it was made.
sent_bytes() { cat "/sys/class/net/$1/statistics/tx_bytes" 2>/dev/null || echo 0; }

tree_bytes() { du -sb --apparent-size "$1" | cut -f1; }

# Put an instance's root together: an overlay of the layers named in its `lowers`, or nothing to do for full copies.
attach() {
    d=$INSTANCES/$1
    [ -s "$d/lowers" ] || return 0
    mountpoint -q "$d/rootfs" && return 0
    rm -rf "$d/work"
    mkdir "$d/work"
    mount -t overlay "mec-$1" -o "lowerdir=$(cat "$d/lowers"),upperdir=$d/upper,workdir=$d/work,index=off,metacopy=off,redirect_dir=off,xino=off" "$d/rootfs"
}

detach() {
    d=$INSTANCES/$1
    while mountpoint -q "$d/rootfs"; do umount "$d/rootfs" || umount -l "$d/rootfs"; done
}

container_state() { lxc-info -P "$INSTANCES" -n "$1" -sH 2>/dev/null || echo ABSENT; }

# Seconds, then a command that must come true.
wait_for() {
    tries=$(($1 * 20))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}

is_running() { [ "$(container_state "$1")" = RUNNING ]; }
is_stopped() { case "$(container_state "$1")" in STOPPED | ABSENT) true ;; *) false ;; esac; }

# Free the cgroups of a container that has ended, which liblxc leaves behind when a restoration fails.
remove_cgroups() {
    find /sys/fs/cgroup -depth -type d \( -path "*/lxc.payload.$1*" -o -path "*/lxc.monitor.$1*" \) -exec rmdir {} \; 2>/dev/null || true
}

# Free the name of the container's cable: the kernel takes a while to remove one whose container has just left this host.
free_cable() {
    cable=$(sed -n 's/^lxc.net.0.veth.pair = //p' "$INSTANCES/$1/config" 2>/dev/null)
    [ -z "$cable" ] || [ ! -e "/sys/class/net/$cable" ] || ip link delete "$cable" 2>/dev/null || true
}

# The first error of a CRIU log; it writes some on success, too.
first_error() { grep -e Error "$1" 2>/dev/null | grep -v -e rlimit -e 'cgroupd: recv' | head -n1 | grep .; }
