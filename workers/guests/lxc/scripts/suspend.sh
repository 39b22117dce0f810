# Freeze the container, save its state, and take the digest of what was saved. It stays frozen until it runs on the target: to undo
# this is to thaw it. Arguments: migration, service, the most seconds that the digest may take; 0: it
# is taken by who sends it.
ID=$1 SERVICE=$2 LIMIT=${3:-600}
kept=$MEC/migrations/$ID
mkdir -p "$kept"
# CRIU also reads it from inside the container's user namespace, at moments when it is nobody yet: all may search the
# directory and read the files, but only root gets past the one above
install -d -m 711 "$kept/state"
umask 022
export CRIU_CONFIG_FILE=$kept/criu.conf
criu_options "$CRIU_CONFIG_FILE"
name_keeper "$kept/names.sh"
export MEC_ROOT="$INSTANCES/$SERVICE/rootfs" MEC_NAMES="$kept/names"
pid=$(container_pid "$SERVICE")
[ -n "$pid" ] || fail "$SERVICE does not run here"
groups=$(control_groups "$pid")
freezer=$(group_of "$groups" freezer)
[ -n "$freezer" ] || fail "the control group of $SERVICE is not known: its processes cannot be frozen"
# CRIU as liblxc calls it (its criu.c). liblxc 6.0 itself fails over a container that it has restored with control groups of
# version 2: it does not find that one's freezer (lxc/lxc#4643)
set -- # the words of CRIU
for group in $groups; do set -- "$@" --cgroup-root "${group#:}"; done
if ! freeze "$freezer" || ! leave_bridge "$SERVICE"; then
    unfreeze "$SERVICE" "$ID"
    fail "$SERVICE cannot be frozen: one of its processes does not stand still, or its cable cannot be taken off the bridge"
fi
give_back_cpu "$ID" # CRIU saves the limits, too
criu dump -t "$pid" -D "$kept/state" -o dump.log --file-locks --link-remap --manage-cgroups=full --ext-mount-map auto \
    --enable-external-sharing --enable-external-masters --enable-fs hugetlbfs --enable-fs tracefs --force-irmap \
    --network-lock "$(network_lock)" --leave-running --action-script "$kept/names.sh" --freeze-cgroup "$freezer" \
    "$@" </dev/null >"$kept/criu.log" 2>&1 || {
    unfreeze "$SERVICE" "$ID"
    grep -vE '^\([0-9.]+\) +(Dumping|Something)' "$kept/state/dump.log" 2>/dev/null | tail -n 400 >&2
    fail "CRIU could not save $SERVICE: $(first_error "$kept/state/dump.log" || tail -n1 "$kept/criu.log")"
}
# CRIU leaves it as it found it. Did it run on, what was saved would be its past
stand_still "$freezer" || fail "$SERVICE is saved, and did not stay frozen"
# whole: from here on it can be resumed from what was saved, too, if this host goes down
: >"$kept/complete"
keep_names "$kept/names"
# the restored one is not to stand still: version 1 has the freezer's state in the image
sed -i 's/\(freezer\.state\x12\x06\)FROZEN/\1THAWED/' "$kept/state/cgroup.img"
[ "$LIMIT" = 0 ] || seal_state "$kept/state" "$LIMIT" "$SERVICE"
