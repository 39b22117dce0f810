# What the scripts of containers share, behind what all scripts share (workers/scripts/common.sh).

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

# What a host's check asks of every technology: its versions and what else its facts are, what an instance of it does (nothing
# where it is another's) and holds, the files of its layers, and what an earlier portal left otherwise in them.
facts_of_lxc() {
    echo "lxc_version=$(version lxc-checkpoint --version)"
    echo "criu_version=$(version criu --version)"
    if command -v criu >/dev/null; then echo "criu_check=$(criu check 2>&1 | tail -n1)"; else echo criu_check=; fi
}
state_of_lxc() { [ ! -s "$INSTANCES/$1/config" ] || container_state "$1"; }
memory_of_lxc() { container_memory "$1"; }
layers_of_lxc() { find $MEC/layers/base $MEC/layers/app -mindepth 2 -maxdepth 3 -type d -name rootfs -prune 2>/dev/null || true; }
settle_layers_of_lxc() { :; }
