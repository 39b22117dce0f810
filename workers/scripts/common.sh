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

free_disk() { echo "disk_free_bytes=$(($(df -P -k $MEC | awk 'NR==2{print $4}') * 1024))"; }

# The interface that has an address.
interface_of() { ip -o addr show | awk -v a="$1" '{split($4, x, "/"); if (x[1] == a) {print $2; exit}}'; }

tree_bytes() {
    counted=$(du -sb --apparent-size "$1")
    echo "${counted%%[!0-9]*}"
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

container_pid() { lxc-info -P "$INSTANCES" -n "$1" -pH 2>/dev/null || true; }

state_by_liblxc() { lxc-info -P "$INSTANCES" -n "$1" -sH 2>/dev/null || echo ABSENT; }

# The same with its own eyes: liblxc 6.0 calls a frozen container RUNNING when it has restored it.
container_state() {
    state=$(state_by_liblxc "$1")
    if [ "$state" = RUNNING ] && is_frozen "$(control_group "$(container_pid "$1")" freezer)"; then state=FROZEN; fi
    echo "$state"
}

# Whether a control group's processes stand still, or will before they run another line; and let them go on. Argument: its
# directory, of the freezer.
is_frozen() { grep -qsx -e FROZEN -e FREEZING -e 'frozen 1' -e 1 "$1/freezer.state" "$1/cgroup.events" "$1/cgroup.freeze"; }
thaw() { if has_cgroup2; then echo 0 >"$1/cgroup.freeze"; else echo THAWED >"$1/freezer.state"; fi; }

# Whether all of them stand still by now. The user waits for the answer, so no process is started for it. Argument: as above.
stand_still() {
    if has_cgroup2; then file=$1/cgroup.events; else file=$1/freezer.state; fi
    while read -r said; do case $said in FROZEN | 'frozen 1') return 0 ;; esac; done <"$file"
    return 1
}

# Let all of them stand still, within some ten seconds; it is looked at each millisecond, not each 100 as CRIU does. Version 1 now
# and then wants to be told again. Argument: as above.
freeze() {
    if has_cgroup2; then lever=$1/cgroup.freeze word=1; else lever=$1/freezer.state word=FROZEN; fi
    looks=0
    while [ $looks -lt 4000 ]; do
        [ $((looks % 500)) != 0 ] || echo $word >"$lever"
        ! stand_still "$1" || return 0
        looks=$((looks + 1))
        sleep 0.001
    done
    return 1
}

# End a container's processes that stand still: none of them runs again, since a killed one looks at nothing else when it is
# thawed. Version 1 has no word for it. Argument: as above, of a container and of nothing else.
end_frozen() {
    case $1 in */lxc.payload.?*) ;; *) fail "$1 is no container's control group" ;; esac
    if [ -e "$1/cgroup.kill" ]; then
        echo 1 >"$1/cgroup.kill"
    else
        find "$1" -name cgroup.procs -exec cat {} + | while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done
    fi
    thaw "$1" 2>/dev/null || true # with version 2 they have ended already, and it may be gone
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

# Whether this host has version 2 of control groups, and it alone: beside version 1, liblxc and CRIU take that.
has_cgroup2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

# A container's control groups as lines CONTROLLERS:GROUP, whatever groups its processes made inside; with version 2 :GROUP
# alone. Argument: a process of it.
control_groups() {
    if has_cgroup2; then wanted='^0::'; else wanted='^[1-9]'; fi
    sed -n "/$wanted/{s/^[0-9]*://;s|\(/lxc\.payload\.[^/]*\)/.*|\1|;p}" "/proc/$1/cgroup" 2>/dev/null || true
}

# The directory of the one among some of them that has a controller; nothing where none has. Arguments: such lines, controller.
group_of() {
    if has_cgroup2; then tree='' controller=''; else tree=/$2 controller=$2; fi
    for group in $1; do
        case ,${group%%:*}, in *",$controller,"*) echo "/sys/fs/cgroup$tree${group#*:}" && return ;; esac
    done
}

# The directory of one of them. Arguments: a process of the container, controller.
control_group() { group_of "$(control_groups "$1")" "$2"; }

# Give a container the limits that its configuration names: neither liblxc nor CRIU gives them back to a restored one on every
# host. What cannot be set is a problem to be told. Argument: service.
limit_container() {
    pid=$(container_pid "$1")
    [ -n "$pid" ] || return 0
    groups=$(control_groups "$pid")
    if has_cgroup2; then version=cgroup2; else version=cgroup; fi
    sed -n "s/^lxc\.$version\.\([a-z]*\)\.\([a-z_]*\) = \(..*\)/\1 \1.\2 \3/p" "$INSTANCES/$1/config" | while read -r controller key value; do
        echo "$value" 2>/dev/null >"$(group_of "$groups" "$controller")/$key" ||
            echo "problem=the limit $key of $1 could not be set to $value on this host"
    done
}

# Bytes that a container's processes hold: what CRIU saves, without the page cache, which stays behind.
container_memory() {
    pid=$(container_pid "$1")
    [ -n "$pid" ] || { echo 0; return 0; }
    cat "$(control_group "$pid" memory)/memory.stat" 2>/dev/null |
        awk '$1 == "rss" || $1 == "anon" || $1 == "shmem" {bytes += $2} END {printf "%.0f\n", bytes}'
}

# Bytes that QEMU holds for a guest: the pages that it ever used and did not give back.
guest_memory() { virsh -q dommemstat "$1" 2>/dev/null | awk '$1 == "rss" {kib = $2} END {printf "%.0f\n", kib * 1024}'; }

is_running() { [ "$(state_by_liblxc "$1")" = RUNNING ]; }
is_stopped() { case "$(state_by_liblxc "$1")" in STOPPED | ABSENT) true ;; *) false ;; esac; }

# Free the cgroups of a container that has ended, which liblxc leaves behind when a restoration fails.
remove_cgroups() {
    find /sys/fs/cgroup -depth -type d \( -path "*/lxc.payload.$1*" -o -path "*/lxc.monitor.$1*" \) -exec rmdir {} \; 2>/dev/null || true
}

# What a container's configuration says of its network. Arguments: service, key.
network_setting() { sed -n "s/^lxc.net.0.$2 = //p" "$INSTANCES/$1/config"; }

# CRIU gives the host's end of a restored cable any hardware address, and a bridge without one of its own takes its ports' lowest:
# the host itself would change its address in the users' network. liblxc lets that end's begin with fe. Argument: service.
raise_cable_address() {
    hardware=$(network_setting "$1" hwaddr)
    ip link set dev "$(network_setting "$1" veth.pair)" address "fe${hardware#??}" || true
}

# Free the name of the container's cable: the kernel takes a while to remove one whose container has just left this host.
free_cable() {
    [ -e "$INSTANCES/$1/config" ] || return 0 # it was never started
    cable=$(network_setting "$1" veth.pair)
    [ -z "$cable" ] || [ ! -e "/sys/class/net/$cable" ] || ip link delete "$cable" 2>/dev/null || true
}

# Take a container off the users' network, and back. Not by setting its cable down: its routes would be saved as dead, which no
# restoration takes. Argument: service.
leave_bridge() {
    cable=$(network_setting "$1" veth.pair)
    [ ! -e "/sys/class/net/$cable/master" ] || ip link set dev "$cable" nomaster
}
join_bridge() {
    cable=$(network_setting "$1" veth.pair) bridge=$(network_setting "$1" link)
    [ -z "$cable" ] || [ -e "/sys/class/net/$cable/master" ] || ip link set dev "$cable" master "$bridge" ||
        echo "problem=$1 goes on here, and its users do not reach it: its cable $cable could not be put into $bridge"
}

# End the processes of a container that stands frozen, and of no other. First its cable goes: a connection whose end they would
# close may live on elsewhere. Argument: service.
end_frozen_container() {
    freezer=$(control_group "$(container_pid "$1")" freezer)
    is_frozen "$freezer" || return 0
    free_cable "$1"
    end_frozen "$freezer"
    wait_for 10 is_stopped "$1" || fail "$1 stands frozen here and does not end"
}

# Let a container go on that a migration froze, as if nothing had been. Arguments: service, migration.
unfreeze() {
    # names that CRIU gave to files for the restoration
    [ ! -s "$MEC/migrations/$2/names" ] || xargs -0 -I{} rm -f {} {}.mec <"$MEC/migrations/$2/names"
    join_bridge "$1"
    group=$(control_group "$(container_pid "$1")" freezer)
    ! is_frozen "$group" || thaw "$group"
}

# The hardware address of the service that an instance was made for: no other has it, so it says whose the instance is.
owner_of() {
    cat "$INSTANCES/$1/owner" 2>/dev/null ||
        sed -n -e 's/^lxc.net.0.hwaddr = //p' -e "s/.*<mac address=[\"']\([^\"']*\)[\"'].*/\1/p" \
            "$INSTANCES/$1/config" "$INSTANCES/$1/domain.xml" 2>/dev/null | head -n1
}

# Whether libvirt has a guest of this name that is not the service with this hardware address.
is_strangers_guest() { said=$(virsh -q dumpxml "$1" 2>/dev/null) && ! echo "$said" | grep -qiF "$2"; }

# How CRIU locks a container's network while it saves and restores it: by the nftables library where it can, since iptables starts
# processes for it, 65 ms of downtime at either end. Before 4.1 CRIU named its table by a process that the restored one is not.
# Found out once a boot, by the checks.
network_lock() {
    known=/run/mec-network-lock
    if [ ! -s $known ]; then
        lock=iptables
        if criu --version | awk '/^Version/ {split($2, v, "."); exit !(v[1] > 4 || (v[1] == 4 && v[2] >= 1))}' &&
            criu check --feature network_lock_nftables >/dev/null 2>&1; then
            lock=nftables
        fi
        echo $lock >$known
    fi
    read -r lock <$known
    echo "$lock"
}

# The first error of a CRIU log; it writes some on success, too.
first_error() { grep -e Error "$1" 2>/dev/null | grep -v -e rlimit -e 'cgroupd: recv' | head -n1 | grep .; }

kvm_versions() {
    echo "qemu_version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n 's/.*version \([0-9.]*\).*/\1/p' | head -n1)"
    echo "libvirt_version=$(virsh --version 2>/dev/null)"
}

# kvm where a tiny guest really starts with it, tcg where not: a /dev/kvm that opens proves nothing. Found out once a boot.
acceleration() {
    known=/run/mec-acceleration
    kernel=$(find $MEC/layers/kvm/base -path '*/image/vmlinuz' 2>/dev/null | head -n1)
    if [ ! -s $known ] && [ -n "$kernel" ]; then
        found=tcg
        # without a root it panics at the end of its start, which is all that is asked of it
        if qemu_may_write /dev/kvm && timeout -k 1 20 qemu-system-x86_64 -accel kvm -cpu host -m 128 -nodefaults -display none -no-reboot \
            -kernel "$kernel" -append 'console=ttyS0 panic=-1' -serial stdio </dev/null 2>/dev/null | grep -q 'Kernel panic - not syncing: VFS'; then
            found=kvm
        fi
        echo $found >$known
    fi
    cat $known 2>/dev/null || true
}

# What libvirt says of a domain. Between a restart of libvirtd's and its first answer a few seconds may pass.
domain_state() {
    tries=100
    while ! said=$(virsh -q domstate --reason "$1" 2>&1); do
        case $said in *'failed to get domain'*) echo ABSENT && return ;; esac
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "libvirt does not answer on this host: $said"
        sleep 0.05
    done
    case $said in
        # its memory was handed over to another host, and libvirt has not yet heard of its end there
        'paused (migrating)' | 'paused (post-migrating)' | 'paused (migration)') echo HANDED_OVER ;;
        running* | 'idle'*) echo RUNNING ;;
        paused* | pmsuspended*) echo FROZEN ;;
        crashed*) echo CRASHED ;;
        *) echo STOPPED ;;
    esac
}

domain_is_gone() { [ "$(domain_state "$1")" = ABSENT ]; }

# Whom QEMU runs as here, as numbers USER:GROUP: libvirt's own user, whatever libvirt's configuration says. Fails where there is none.
qemu_owner() { id libvirt-qemu >/dev/null 2>&1 && echo "$(id -u libvirt-qemu):$(id -g libvirt-qemu)"; }

# Whether QEMU, as it runs here, may write a file.
qemu_may_write() {
    if owner=$(qemu_owner); then setpriv "--reuid=${owner%:*}" "--regid=${owner#*:}" --init-groups test -w "$1"; else test -w "$1"; fi
}

# A guest's definition (standard input) with whom it runs as. Said in it, libvirt leaves the owners of files alone: guests share
# layers and kernels, whose digests know their owners.
confined() {
    if owner=$(qemu_owner); then
        sed "s|</domain>|<seclabel type='static' model='dac' relabel='no'><label>+${owner%:*}:+${owner#*:}</label></seclabel>&|"
    else
        cat
    fi
}

# Let QEMU at an instance's own files. What came from another host may hold no link, by which this would reach other files.
# Argument: its directory.
lend_to_qemu() {
    [ -z "$(find "$1" ! -type d ! -type f)" ] || fail "what arrived in $1 holds links or devices: migrate again"
    chmod 711 "$1" "$1/image"
    [ ! -d "$1/lower" ] || chmod -R a=rX "$1/lower"
    touch "$1/console.log"
    ! owner=$(qemu_owner) || chown "${owner%:*}" "$1/image/disk.qcow2" "$1/console.log"
}

# An image that came from another host may stand on this host's layers, or on the application that came inside its instance, and on
# no other file: its header could name another guest's disk. Argument: the image.
# Source: QEMU's docs/interop/qcow2.txt (from byte 8 where the other file's name is, from 16 its length, bit 2 of byte 79: external data).
stands_on_layers() {
    set -- "$1" "$(od -An -v -t u1 -w80 -N 80 "$1" | awk '
        $1 != 81 || $2 != 70 || $3 != 73 || $4 != 251 || $8 < 2 || ($8 > 2 && int($80 / 4) % 2) {print "-"; exit}
        {print (($13 * 256 + $14) * 256 + $15) * 256 + $16, (($17 * 256 + $18) * 256 + $19) * 256 + $20}
        END {if (!NR) print "-"}')"
    [ "$2" != - ] || fail "${1##*/} is no qcow2 image that holds its own data: migrate again"
    [ "${2%% *}" = 0 ] && return 0
    other=$(tail -c "+$((${2%% *} + 1))" "$1" | head -c "${2##* }")
    case $other in
        */../* | *[!A-Za-z0-9/._-]*) ;;
        "$MEC"/layers/kvm/*/image/disk.qcow2 | "${1%/*/*}/lower/disk.qcow2") return 0 ;;
    esac
    fail "the image that arrived stands on $other, which is no layer: look at its source"
}

# Where QEMU meets the memory or disk of a live migration, at both ends: in libvirt's directory, and with an end by which
# AppArmor's profile of the guest lets its QEMU make it. Arguments: migration, service, memory or disk.
live_socket() { echo "/run/libvirt/mec-$1/$3.tunnelmigrate.dest.$2"; }
open_live() {
    mkdir -p "$MEC/migrations/$1/live" "/run/libvirt/mec-$1"
    ! owner=$(qemu_owner) || chown "${owner%:*}" "/run/libvirt/mec-$1"
}

# End what listens for a live migration on its source, and remove its sockets, at either end. Argument: migration.
end_live() {
    if [ -e "$MEC/migrations/$1/live/listeners" ]; then
        while read -r pid; do
            # each leads a process group with all that it started; its number may be another process's by now
            ! grep -qsa "UNIX-LISTEN:[^,]*[/-]$1/" "/proc/$pid/cmdline" || kill -s TERM -- "-$pid" 2>/dev/null || true
        done <"$MEC/migrations/$1/live/listeners"
    fi
    rm -rf "$MEC/migrations/$1/live" "/run/libvirt/mec-$1"
}

# Start a guest on the processor that all given ones have in common, by libvirt's own calculation.
# Arguments: its directory, its definition with @CPU@ where the processor stands, processors (libvirt's XML).
create_guest() {
    type=$(sed -n "s/^<domain type='\(.*\)'>$/\1/p" "$2")
    echo "$3" >"$1/cpus.xml"
    cpu=$(virsh -q hypervisor-cpu-baseline --virttype "$type" "$1/cpus.xml" 2>"$1/start.log" | tr -d '\n') || true
    [ -n "$cpu" ] || fail "no processor model fits all hosts: $(tail -n1 "$1/start.log")"
    awk -v cpu="$cpu" '{if ($0 == "@CPU@") print cpu; else print}' "$2" | confined >"$1/domain.xml"
    rm "$2" "$1/cpus.xml"
    lend_to_qemu "$1"
    virsh -q create "$1/domain.xml" >"$1/start.log" 2>&1 || {
        cat "$1/start.log" >&2
        fail "the guest does not start: $(sed -n 's/^error: //p' "$1/start.log" | tail -n1)"
    }
}

# Let an instance's disk stand on the layer that it names: where that lies may differ between hosts. Argument: instance.
rebase() {
    [ -s "$1/backing" ] || return 0
    qemu-img rebase -u -F qcow2 -b "$(cat "$1/backing")" "$1/image/disk.qcow2"
}

# A guest's clock stood still while it was saved: its agent sets it to this host's, and the guest writes it to its RTC.
# An agent that does not answer is a problem to be told; the guest runs all the same.
set_guest_clock() {
    virsh -q qemu-agent-command --timeout 10 "$1" \
        "{\"execute\":\"guest-set-time\",\"arguments\":{\"time\":$(date +%s%N)}}" >/dev/null ||
        echo "problem=the clock of $1 was not corrected: its guest agent does not answer"
}

# Whether a service went on here from what a migration brought: its past must come back nowhere then. It stays written down for
# as long as the instance is here, since nobody knows which worker asks next. Arguments: service, migration.
went_on() {
    brought=$INSTANCES/$1
    [ "$(cat "$brought/went_on" 2>/dev/null)" = "$2" ] && return 0
    [ "$(cat "$brought/migration" 2>/dev/null)" = "$2" ] && grep -qs 'Tasks resumed' "$brought/saved/state/restore.log"
}
