# What the scripts of containers share, behind what all scripts share (workers/scripts/common.sh) and all containers' do (shared/containers.sh).

container_pid() { lxc-info -P "$INSTANCES" -n "$1" -pH 2>/dev/null || true; }

state_by_liblxc() { lxc-info -P "$INSTANCES" -n "$1" -sH 2>/dev/null || echo ABSENT; }

# The same with its own eyes: liblxc 6.0 calls a frozen container RUNNING when it has restored it.
container_state() {
    state=$(state_by_liblxc "$1")
    if [ "$state" = RUNNING ] && is_frozen "$(control_group "$(container_pid "$1")" freezer)"; then state=FROZEN; fi
    echo "$state"
}

# A container's control groups as lines CONTROLLERS:GROUP, and the directory of the one that has a controller. Arguments: a process of
# the container, controller.
control_groups() { groups_called "$1" 'lxc\.payload\.[^/]*'; }
control_group() { group_of "$(control_groups "$1")" "$2"; }
# For what all containers have alike, by their service. Arguments: service, controller.
group_of_lxc() { control_group "$(container_pid "$1")" "$2"; }

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

# Bytes that a container's processes hold.
container_memory() {
    pid=$(container_pid "$1")
    if [ -n "$pid" ]; then held_memory "$(control_group "$pid" memory)"; else echo 0; fi
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

# Take a container off the users' network, and back. Argument: service.
leave_bridge() { unplug "$(network_setting "$1" veth.pair)"; }
join_bridge() {
    cable=$(network_setting "$1" veth.pair)
    [ -z "$cable" ] || plug "$cable" "$(network_setting "$1" link)" "$1"
}

# End the processes of a container that stands frozen, and of no other. First its cable goes: a connection whose end they would
# close may live on elsewhere. Argument: service.
end_frozen_container() {
    freezer=$(control_group "$(container_pid "$1")" freezer)
    is_frozen "$freezer" || return 0
    free_cable "$1"
    end_frozen "$freezer" 'lxc.payload.?*'
    wait_for 10 is_stopped "$1" || fail "$1 stands frozen here and does not end"
}

# Let a container go on that a migration froze, as if nothing had been. Arguments: service, migration.
unfreeze() {
    forget_names "$MEC/migrations/$2/names"
    join_bridge "$1"
    group=$(control_group "$(container_pid "$1")" freezer)
    ! is_frozen "$group" || thaw "$group"
}

# What a host's check asks of every technology: its versions and what else its facts are, what an instance of it does (nothing
# where it is another's) and holds, the files of its layers, and what an earlier portal left otherwise in them. And what it made outside
# the directory of a migration that brought nothing to its end: to be removed with that.
facts_of_lxc() {
    echo "lxc_version=$(version lxc-checkpoint --version)"
    facts_of_criu
}
state_of_lxc() { [ ! -s "$INSTANCES/$1/config" ] || container_state "$1"; }
memory_of_lxc() { container_memory "$1"; }
layers_of_lxc() { find $MEC/layers/base $MEC/layers/app -mindepth 2 -maxdepth 3 -type d -name rootfs -prune 2>/dev/null || true; }
settle_layers_of_lxc() { :; }
drop_incoming_of_lxc() { :; }
crash_log_of_lxc() {
    [ -d "$INSTANCES/$1/rootfs" ] || return 0
    service_log "$INSTANCES/$1/rootfs"
    # of what liblxc writes, how the first process ended, and its errors
    sed -n -e 's/.* - \(Child <[0-9]*> ended .*\)/\1/p' -e '/ ERROR /p' "$INSTANCES/$1/start.log" 2>/dev/null | tail -n 20
    out_of_memory "/lxc.payload.$1"
}
