# What the scripts of OCI containers share, behind what all scripts share (workers/scripts/common.sh) and all containers' do (shared/containers.sh).
# An instance's directory has beside its `settings`: `container` (Podman's number of it), `bundle` (where runc finds its
# specification and its saved state) and `top` (its writable layer), both in Podman's own storage; `upper`, a link to the latter.
export PODMAN_IGNORE_CGROUPSV1_WARNING=1

# runc can always have CRIU save a container; crun only where it was built so, and not where a host has both versions of control groups.
podman() { command podman --runtime runc "$@"; }

# What an instance's settings say. Arguments: its directory, key.
setting() { sed -n "s/^$2=//p" "$1/settings"; }

# A container's first process; nothing where it does not run. Podman's file of it may be gone, and the number be another's by now, so
# that Podman has the last word. Argument: service.
oci_pid() {
    [ -e "$INSTANCES/$1/container" ] || return 0
    read -r id <"$INSTANCES/$1/container"
    pid=$(cat "/run/mec-oci-$1.pid" 2>/dev/null || true)
    is_of "$pid" "$id" || pid=$(podman container inspect --format '{{.State.Pid}}' "$id" 2>/dev/null || true)
    ! is_of "$pid" "$id" || echo "$pid"
}
is_of() { grep -qs "/libpod-$2" "/proc/$1/cgroup"; }
oci_has_ended() { [ -z "$(oci_pid "$1")" ]; }

# A container's control groups as lines CONTROLLERS:GROUP, and the directory of the one that has a controller. Arguments: a process of
# the container, controller.
oci_groups() { groups_called "$1" 'libpod-[0-9a-f]*[^/]*'; }
oci_group() { group_of "$(oci_groups "$1")" "$2"; }
# For what all containers have alike, by their service. Arguments: service, controller.
group_of_oci() { oci_group "$(oci_pid "$1")" "$2"; }

# What a container does, by its processes: Podman may not have heard yet that it was frozen, or ended. Argument: service.
oci_state() {
    pid=$(oci_pid "$1")
    if [ -n "$pid" ]; then
        if is_frozen "$(oci_group "$pid" freezer)"; then echo FROZEN; else echo RUNNING; fi
    elif [ -e "$INSTANCES/$1" ]; then
        echo STOPPED
    else
        echo ABSENT
    fi
}
oci_runs() { [ "$(oci_state "$1")" = RUNNING ]; }

# Whether Podman has a container of this name that was not made for the service with this hardware address.
is_strangers_container() {
    whose=$(podman container inspect --format '{{index .Config.Labels "mec.owner"}}' "$1" 2>/dev/null) && [ "$whose" != "$2" ]
}

# The ID of the image that lies in a directory as the OCI lays it out; and the same, in Podman's storage from now on.
image_in() {
    manifest=$(sed -n 's/.*"manifests":\[{[^]]*"digest":"sha256:\([0-9a-f]*\)".*/\1/p' "$1/index.json")
    image=$(sed -n 's/.*"config":{[^}]*"digest":"sha256:\([0-9a-f]*\)".*/\1/p' "$1/blobs/sha256/$manifest")
    [ -n "$image" ] || fail "there is no image in $1"
    echo "$image"
}
import_image() {
    image=$(image_in "$1")
    podman image exists "$image" || podman pull -q "oci:$1" >/dev/null
    echo "$image"
}

# A network namespace of the container's own with its interface, whose cable leads nowhere yet; what is left of an earlier one, which
# may be half made, goes. Arguments: service, directory; of a container that does not run.
make_network() {
    remove_network "$@"
    cable=$(setting "$2" cable) hardware=$(setting "$2" hardware)
    ip netns add "mec-$1"
    mtu=$(cat "/sys/class/net/$(setting "$2" bridge)/mtu")
    # the host's end has the highest hardware address: a bridge without one of its own takes its ports' lowest
    ip link add name "$cable" address "fe${hardware#??}" mtu "$mtu" type veth \
        peer name eth0 address "$hardware" mtu "$mtu" netns "mec-$1"
    ip -n "mec-$1" address add "$(setting "$2" address)" broadcast + dev eth0
    ip -n "mec-$1" link set dev lo up
    ip -n "mec-$1" link set dev eth0 up
    ip link set dev "$cable" up
}
remove_network() {
    cable=$(setting "$2" cable)
    [ ! -e "/sys/class/net/$cable" ] || ip link delete dev "$cable" 2>/dev/null || true
    [ ! -e "/run/netns/mec-$1" ] || ip netns delete "mec-$1"
}
# Take a container off the users' network, and back. Argument: service.
leave_oci() { unplug "$(setting "$INSTANCES/$1" cable)"; }
join_oci() { plug "$(setting "$INSTANCES/$1" cable)" "$(setting "$INSTANCES/$1" bridge)" "$1"; }

# Make the container of an instance, and write down where Podman has what of it. Volumes of the image are directories of its
# writable layer, and its shared memory is its own, so that both travel. Arguments: service, its directory, image.
make_container() {
    cpus=$(setting "$2" cpus) pids=$(setting "$2" pids) hardware=$(setting "$2" hardware)
    is_strangers_container "$1" "$hardware" && fail "this host has another container $1 that the portal did not make: look at it with 'podman inspect $1'"
    # what an earlier migration prepared and could not remove; one that runs is not removed
    podman rm "$1" >/dev/null 2>&1 || ! podman container exists "$1" || fail "a container $1 runs on this host already: look at it with 'podman inspect $1'"
    make_network "$1" "$2"
    podman create --name "$1" --hostname "$1" --label "mec.owner=$hardware" --network "ns:/run/netns/mec-$1" --pull never \
        --pidfile "/run/mec-oci-$1.pid" --memory "$(setting "$2" memory)" ${cpus:+--cpus "$cpus"} ${pids:+--pids-limit "$pids"} \
        --mount type=tmpfs,destination=/dev/shm,tmpfs-mode=1777 --image-volume ignore --no-healthcheck --restart no \
        --log-driver k8s-file --log-opt max-size=10mb --annotation "org.criu.config=$INSTANCES/$1/criu.conf" "$3" >"$2/container.new" 2>"$2/podman.log" ||
        fail "Podman does not make a container of $1: $(tail -n1 "$2/podman.log")"
    echo "$3" >"$2/image"
    where=$(podman container inspect --format '{{.StaticDir}} {{.GraphDriver.Data.UpperDir}}' "$1")
    realpath "${where%% *}" >"$2/bundle"
    realpath "${where##* }" >"$2/top"
    mv "$2/container.new" "$2/container"
}
# The same for what a migration will bring: Podman writes the container's specification when it is about to start, so it is, up to the
# moment before its first process would run, with its cable in no bridge. Arguments: as above.
prepare_container() {
    make_container "$@"
    podman container init "$1" >/dev/null 2>"$2/podman.log" || fail "Podman does not prepare the container of $1: $(tail -n1 "$2/podman.log")"
    # with version 2 alone CRIU is not told by runc where the processes belong here: it would take them to the group of the source's name
    pid=$(cat "/run/mec-oci-$1.pid")
    sed -n 's,^0::\(/.*/libpod-.*\),\1,p' "/proc/$pid/cgroup" >"$2/group"
    podman stop -t 0 "$1" >/dev/null 2>&1 || true
    is_prepared "$1" || fail "the container of $1, prepared for its restoration, does not come to its end"
}
is_prepared() { [ "$(podman container inspect --format '{{.State.Status}}' "$1")" = exited ]; }
# Without force: one that runs is not removed. Podman may still be busy with its end.
is_removed() { podman rm "$1" >/dev/null 2>&1 || ! podman container exists "$1"; }
# Put what came in the place of a prepared container's own writable layer. Argument: the instance's directory.
take_upper() {
    place=$(cat "$1/top")
    rm -rf --one-file-system "$place"
    mv -T "$1/upper" "$place"
    ln -s "$place" "$1/upper"
}
# Remove a container that does not run, with its network. Arguments: service, its directory.
remove_container() {
    wait_for 10 is_removed "$1" || fail "Podman does not remove the container $1"
    remove_network "$1" "$2"
}

# End the processes of a container that stands frozen, and of no other. First its cable goes: a connection whose end they would
# close may live on elsewhere. Argument: service.
end_frozen_oci() {
    pid=$(oci_pid "$1")
    [ -n "$pid" ] || return 0
    freezer=$(oci_group "$pid" freezer)
    is_frozen "$freezer" || return 0
    ip link delete dev "$(setting "$INSTANCES/$1" cable)" 2>/dev/null || true
    end_frozen "$freezer" 'libpod-?*'
    wait_for 10 oci_has_ended "$1" || fail "$1 stands frozen here and does not end"
}

# Let a container go on that a migration froze, as if nothing had been. Arguments: service, migration.
unfreeze_oci() {
    forget_names "$MEC/migrations/$2/names"
    join_oci "$1"
    group=$(oci_group "$(oci_pid "$1")" freezer)
    ! is_frozen "$group" || thaw "$group"
}

# Let a container go on from the saved state in its bundle. It joins the users' network when all of it is there and before it runs on.
# What went wrong is in restore.log there, and podman.log of the instance. Argument: service.
restore_container() {
    d=$INSTANCES/$1
    criu_options "$d/criu.conf"
    install -m 700 /dev/stdin "$d/join.sh" <<HOOK
#!/bin/sh
[ "\$CRTOOLS_SCRIPT_ACTION" != pre-resume ] || ip link set dev $(setting "$d" cable) master $(setting "$d" bridge)
HOOK
    echo "action-script $d/join.sh" >>"$d/criu.conf"
    [ ! -s "$d/group" ] || echo "cgroup-root $(cat "$d/group")" >>"$d/criu.conf"
    podman container restore --keep --tcp-established "$1" </dev/null >"$d/podman.log" 2>&1 && join_oci "$1"
}
# What CRIU, runc and Podman wrote when that failed, and the first error in it. Arguments: service, its bundle.
tell_restoration() {
    echo "--- Podman" >&2
    tail -n 20 "$INSTANCES/$1/podman.log" >&2
    echo "--- CRIU" >&2
    tail -n 400 "$2/restore.log" >&2 || true
    fail "CRIU could not restore $1: $(first_error "$2/restore.log" || tail -n1 "$INSTANCES/$1/podman.log")"
}

# What a host's check asks of every technology (workers/guests/lxc/scripts/common.sh).
facts_of_oci() {
    oci_versions
    facts_of_criu
}
oci_versions() {
    echo "podman_version=$(version podman --version)"
    echo "runc_version=$(version runc --version)"
}
state_of_oci() { [ ! -e "$INSTANCES/$1/container" ] || oci_state "$1"; }
memory_of_oci() {
    pid=$(oci_pid "$1")
    if [ -n "$pid" ]; then held_memory "$(oci_group "$pid" memory)"; else echo 0; fi
}
layers_of_oci() { find $MEC/layers/oci -mindepth 3 -maxdepth 4 -type d -name image -prune 2>/dev/null || true; }
settle_layers_of_oci() { :; }
drop_incoming_of_oci() {
    [ ! -d $MEC/layers/oci ] || podman rm -f -t 0 "mec-build-$1" >/dev/null 2>&1 || true
    came=$MEC/incoming/$1/files/instance
    [ -e "$came/settings" ] || return 0
    name=$(setting "$came" name)
    # one that is here by now, or runs, is no part of what came
    if [ ! -e "$INSTANCES/$name" ] && ! is_strangers_container "$name" "$(setting "$came" hardware)"; then
        remove_container "$name" "$came"
    fi
}
crash_log_of_oci() {
    [ -e "$INSTANCES/$1/container" ] || return 0
    service_log "$INSTANCES/$1/upper"
    # what its first process wrote to its standard output and error, which Podman keeps
    last_lines "$(cat "$INSTANCES/$1/bundle")/ctr.log" | cut -d' ' -f4-
    out_of_memory "/libpod-$(cat "$INSTANCES/$1/container")"
}
