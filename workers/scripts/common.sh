# What all scripts share. Each runs as root on a host by `sh -eu -s -- arguments`, prints key=value lines and, on failure,
# one sentence on standard error as its last line.
umask 077
export LC_ALL=C
MEC=/var/lib/mec
INSTANCES=$MEC/instances

fail() { echo "$*" >&2; exit 1; }

# End when another worker has taken this work over (settle.sh writes its number down). Arguments: the work, lease.
fence() {
    newest=0
    [ ! -e "/run/mec-fences/$1" ] || read -r newest <"/run/mec-fences/$1"
    [ "$newest" -gt "$2" ] || return 0
    # sent before its worker stood still, and come after the end of the work: then it has made the file of the lock anew
    [ ! -e "/run/mec-fences/$1.ended" ] || rm -f "/run/mec-$1.lock"
    echo "another worker has taken $1 over" >&2
    exit 113
}

# Remove the lock of work that has ended here. Argument: the work.
forget_lock() {
    [ ! -e "/run/mec-fences/$1" ] || : >"/run/mec-fences/$1.ended" # of an earlier owner a command may still come
    rm -f "/run/mec-$1.lock"
}

# Another name for each boot: the kernel's, and when the first process began, for a host that is itself a container.
boot_id() { echo "$(cat /proc/sys/kernel/random/boot_id)-$(sed 's/.*) //' /proc/1/stat | cut -d' ' -f20)"; }

# The digest of images, and of files in layers of an earlier portal: names, kinds, modes, owners, link targets and contents; not times,
# which a clone may change.
tree_digest() {
    (
        cd "$1"
        find . -printf '%P\t%y\t%m\t%U\t%G\t%l\n' | sort
        find . -type f -print0 | sort -z | xargs -0r xxh128sum
    ) | xxh128sum | cut -d' ' -f1
}

# The digest of a tree of files: attributes (lists of access and capabilities among them), device numbers, which names are one file, and
# times, too. To the second, since not every file system keeps more; and no labels, which are each host's own.
files_digest() {
    about=$(python3 -I -c '
import os, stat, sys

KEPT = ("user.", "trusted.", "system.posix_acl_", "security.capability")
root = os.fsencode(sys.argv[1])
first = {}
for path in sorted([root, *(os.path.join(at, name) for at, below, files in os.walk(root) for name in below + files)]):
    about = os.lstat(path)
    try:
        names = sorted(name for name in os.listxattr(path, follow_symlinks=False) if name.startswith(KEPT))
    except OSError:  # not every file system has them
        names = []
    print(
        path[len(root):], about.st_mode, about.st_uid, about.st_gid, about.st_mtime_ns // 10**9,
        about.st_rdev if stat.S_ISCHR(about.st_mode) or stat.S_ISBLK(about.st_mode) else 0,
        os.readlink(path) if stat.S_ISLNK(about.st_mode) else "",
        path[len(root):] if stat.S_ISDIR(about.st_mode) else first.setdefault(about.st_ino, path[len(root):]),
        [(name, os.getxattr(path, name, follow_symlinks=False)) for name in names],
    )
' "$1") || fail "the digest of $1 cannot be taken: python3 does not run on this host"
    contents=$(cd "$1" && find . -type f -print0 | sort -z | xargs -0r xxh128sum)
    digest=$(printf '%s\n' "$about" "$contents" | xxh128sum)
    echo "2-${digest%% *}"
}

# The digest of a layer, of the kind that it has already: an earlier portal knew tree_digest alone, and hosts hold what it wrote down.
# Images have no other. Arguments: what the layer consists of, the digest that it should have (unless it is a new layer).
layer_digest() {
    case $1,${2-2-} in
        */rootfs,2-*) files_digest "$1" ;;
        *) tree_digest "$1" ;;
    esac
}

# The version that a program says of itself; nothing where it is not installed.
version() { command -v "$1" >/dev/null && "$@" 2>&1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n1 || true; }

# Bytes that an interface has sent since it was made.
sent_bytes() { cat "/sys/class/net/$1/statistics/tx_bytes" 2>/dev/null || echo 0; }

free_disk() { echo "disk_free_bytes=$(($(df -P -k $MEC | awk 'NR==2{print $4}') * 1024))"; }

free_memory() { echo "memory_free_bytes=$(($(awk '/^MemAvailable/{print $2}' /proc/meminfo) * 1024))"; }

# The interface that has an address.
interface_of() { ip -o addr show | awk -v a="$1" '{split($4, x, "/"); if (x[1] == a) {print $2; exit}}'; }

# Bytes that a tree holds: a hole is not one.
tree_bytes() {
    find "$1" -printf '%D:%i %b %s\n' |
        awk '!seen[$1]++ {held = $2 * 512; sum += held < $3 ? held : $3} END {printf "%.0f\n", sum}'
}

# The mirror that this host's apt uses; apt knows it only after it has fetched its lists.
debian_mirror() {
    # shellcheck disable=SC2016
    targets() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n1; }
    [ -n "$(targets)" ] || apt-get -q update >/dev/null 2>&1 || true
    targets | grep . || fail "this host knows no Debian mirror: add one to its apt sources"
}

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

# The hardware address of the service that an instance was made for: no other has it, so it says whose the instance is.
owner_of() {
    cat "$INSTANCES/$1/owner" 2>/dev/null ||
        sed -n -e 's/^lxc.net.0.hwaddr = //p' -e "s/.*<mac address=[\"']\([^\"']*\)[\"'].*/\1/p" \
            "$INSTANCES/$1/config" "$INSTANCES/$1/domain.xml" 2>/dev/null | head -n1
}

# Whether a service went on here from what a migration brought: its past must come back nowhere then. It stays written down for
# as long as the instance is here, since nobody knows which worker asks next. Arguments: service, migration.
went_on() {
    brought=$INSTANCES/$1
    [ "$(cat "$brought/went_on" 2>/dev/null)" = "$2" ] && return 0
    [ "$(cat "$brought/migration" 2>/dev/null)" = "$2" ] && grep -qs 'Tasks resumed' "$brought/saved/state/restore.log"
}

# Whether a received state is what was sealed. Arguments: its directory, the digest.
is_sealed() {
    digest=$(xxh128sum <"$1/manifest") || return 1
    [ "${digest%% *}" = "$2" ] && (cd "$1" && xxh128sum --quiet -c manifest >/dev/null 2>&1)
}

# Make a received instance the host's own. Its migration is written down before it is in its place: what breaks off afterwards is known
# by it. Arguments: migration, service.
take_in() {
    [ ! -e "$INSTANCES/$2" ] || fail "$INSTANCES/$2 is there already"
    echo "$1" >"$MEC/incoming/$1/files/instance/migration"
    mkdir -p $INSTANCES
    mv -T "$MEC/incoming/$1/files/instance" "$INSTANCES/$2"
}

# What the source of a migration holds of the service's layers, for the checks. Arguments: service, its technology's folder below
# the layers (empty or NAME/), base, storage, app layer, the folder of a layer that holds its files.
source_layers() {
    app=layers/$2app/$4/$5
    echo "base_digest=$(cat "$MEC/layers/$2base/$3/digest" 2>/dev/null)"
    if [ -d "$INSTANCES/$1/lower" ]; then # it came with two layers
        echo "app_path=instances/$1/lower"
        echo "app_bytes=$(tree_bytes "$INSTANCES/$1/lower")"
        earlier=$(tree_digest "$INSTANCES/$1/lower") # the target may hold the layer under either
        echo "app_earlier_digest=$earlier"
        if [ "$6" = rootfs ]; then echo "app_digest=$(files_digest "$INSTANCES/$1/lower")"; else echo "app_digest=$earlier"; fi
    elif [ -d "$MEC/$app/$6" ]; then
        echo "app_path=$app/$6"
        echo "app_bytes=$(cat "$MEC/$app/bytes")"
        echo "app_digest=$(cat "$MEC/$app/digest")"
    fi
    free_disk
    free_memory
}

# What its target holds of them, and has room for. Arguments: as above, without the last.
target_layers() {
    app=$MEC/layers/$2app/$4/$5
    echo "base_digest=$(cat "$MEC/layers/$2base/$3/digest" 2>/dev/null)"
    echo "app_digest=$(cat "$app/digest" 2>/dev/null)"
    echo "app_bytes=$(cat "$app/bytes" 2>/dev/null)"
    free_disk
    free_memory
    [ -e "$INSTANCES/$1" ] && echo instance=exists || echo instance=free
}

# The last lines of a log, as one may show them. Argument: the file.
last_lines() { tail -c 20000 "$1" 2>/dev/null | tr -d '\000-\010\013-\037' | tail -n 20 | cut -c1-400; }

# What a service wrote of itself below a root. That may have made links of its files, to this host's. Argument: the root.
service_log() {
    root=$(realpath -e "$1" 2>/dev/null) || return 0
    log=$root/var/log/mec-service.log
    [ ! -f "$log" ] || [ "$(realpath "$log")" != "$log" ] || last_lines "$log"
}

# What the kernel says of processes that it ended since a control group was out of memory. Argument: how the group's path begins.
out_of_memory() { dmesg 2>/dev/null | grep -F -e "$1" | grep -i -e oom -e 'out of memory' | tail -n 5 || true; }
