# What the scripts of containers share, of whatever technology: control groups, cables, and CRIU, by which their state is saved.

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
# thawed. Version 1 has no word for it. Arguments: as above, and the pattern of a container's name there: nothing else is ended.
end_frozen() {
    # shellcheck disable=SC2254 # a pattern
    case ${1##*/} in $2) ;; *) fail "$1 is no container's control group" ;; esac
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
# alone. Arguments: a process of it, what the container's own is called (sed).
groups_called() {
    if has_cgroup2; then wanted='^0::'; else wanted='^[1-9]'; fi
    sed -n "/$wanted/{s/^[0-9]*://;s|\(/$2\)/.*|\1|;p}" "/proc/$1/cgroup" 2>/dev/null || true
}

# The directory of the one among some of them that has a controller; nothing where none has. Arguments: such lines, controller.
group_of() {
    if has_cgroup2; then tree='' controller=''; else tree=/$2 controller=$2; fi
    for group in $1; do
        case ,${group%%:*}, in *",$controller,"*) echo "/sys/fs/cgroup$tree${group#*:}" && return ;; esac
    done
}

# Bytes that a container's processes hold: what CRIU saves, without the page cache, which stays behind.
# Argument: the directory of their control group, of memory.
held_memory() {
    cat "$1/memory.stat" 2>/dev/null |
        awk '$1 == "rss" || $1 == "anon" || $1 == "shmem" {bytes += $2} END {printf "%.0f\n", bytes}'
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

# CRIU's version and what it says of this host, for the facts of each technology that needs it: once.
facts_of_criu() {
    [ -z "${criu_asked:-}" ] || return 0
    criu_asked=yes
    echo "criu_version=$(version criu --version)"
    if command -v criu >/dev/null; then echo "criu_check=$(criu check 2>&1 | tail -n1)"; else echo criu_check=; fi
}

# What CRIU is told beyond what its caller tells it, as a configuration. Argument: the file.
criu_options() { printf 'tcp-established\nskip-in-flight\nlink-remap\nfile-locks\nghost-limit 67108864\n' >"$1"; }

# A file that is open under a name which it lost, and has others, gets one more from CRIU for the restoration; CRIU takes that away
# again where the processes stay. So it gets a third one, before it does: an action script of CRIU's. It reads MEC_ROOT and writes
# to MEC_NAMES. Argument: its file.
name_keeper() {
    install -m 700 /dev/stdin "$1" <<'HOOK'
#!/bin/sh
[ "$CRTOOLS_SCRIPT_ACTION" = post-dump ] || exit 0
grep -aoE '/[^[:cntrl:]]*link_remap\.[0-9]+' "$CRTOOLS_IMAGE_DIR/files.img" | while read -r name; do
    # the kernel's own names have no links in them, nor lead out of the root
    folder=$MEC_ROOT${name%/*}
    [ -f "$MEC_ROOT$name" ] && [ "$(realpath "$folder")" = "$(realpath "$MEC_ROOT")${name%/*}" ] || continue
    ln "$MEC_ROOT$name" "$MEC_ROOT$name.mec" || exit 1
    printf '%s\0' "$MEC_ROOT$name" >>"$MEC_NAMES"
done
HOOK
}
# Give those names to CRIU's own, once it has ended; and take them away again. Argument: the file of names.
keep_names() { [ ! -e "$1" ] || xargs -0 -I{} mv {}.mec {} <"$1"; }
forget_names() { [ ! -s "$1" ] || xargs -0 -I{} rm -f {} {}.mec <"$1"; }

# The manifest of a saved state, and its digest and size as values. Arguments: the state's directory, the most seconds that it may
# take, the service, a file that belongs to it beside CRIU's images.
seal_state() {
    # shellcheck disable=SC2086
    (cd "$1" && rm -f stats-dump && timeout "$2" xxh128sum ./*.img ${4:-} >manifest) ||
        fail "the digest of what was saved of $3 took longer than $2 s, or failed"
    digest=$(xxh128sum <"$1/manifest")
    echo "digest=${digest%% *}"
    echo "bytes=$(tree_bytes "$1")"
}

# Of an iterative migration: each round is the parent image of what was saved after it. Argument: where they lie beside `state`.
link_rounds() {
    number=1 parent=''
    while [ -d "$1/round-$number" ]; do
        [ -z "$parent" ] || ln -s "../$parent" "$1/round-$number/parent"
        parent=round-$number number=$((number + 1))
    done
    [ -n "$parent" ] || return 0
    ln -s "../$parent" "$1/state/parent"
    chmod 711 "$1" # CRIU follows that link within the container's user namespace, where it is nobody
}

# Give a container back the processor time that an iterative migration took from it (rounds/slow.sh). Argument: migration.
give_back_cpu() {
    limit=$MEC/migrations/$1/cpu-limit
    [ -s "$limit" ] || return 0
    file=$(sed -n 1p "$limit")
    # its group is gone with a container that has ended
    [ ! -e "$file" ] || sed -n 2p "$limit" >"$file" || echo "problem=the processor's limit of the service could not be given back: $file"
    rm -f "$limit"
}

# End the programs of an iterative migration, whoever started them. Argument: migration.
end_rounds() {
    for pid in $(pgrep -f -- "$MEC/(migrations|incoming)/$1/rounds\.pyz" || true); do kill -KILL "$pid" 2>/dev/null || true; done
}

# Take a container's cable off the users' network, and put it back. Not by setting it down: its routes would be saved as dead, which no
# restoration takes. Arguments: the cable; the bridge; the service.
unplug() { [ ! -e "/sys/class/net/$1/master" ] || ip link set dev "$1" nomaster; }
plug() {
    [ -e "/sys/class/net/$1/master" ] || ip link set dev "$1" master "$2" ||
        echo "problem=$3 goes on here, and its users do not reach it: its cable $1 could not be put into $2"
}

# Fail since a container that was started does not run any more, with what it wrote last. Arguments: service, its technology.
fail_since_it_ended() {
    said=$("crash_log_of_$2" "$1" 2>/dev/null || true)
    [ -z "$said" ] || echo "$said" >&2
    fail "$1 has ended here${said:+; it wrote: $(echo "$said" | tail -n 1)}"
}
