# Freeze the container, save its state, and take the digest of what was saved. It stays frozen until it runs on the target: to undo
# this is to thaw it. Arguments: migration, service, the most seconds that the digest may take; 0: it
# is taken by who sends it.
ID=$1 SERVICE=$2 LIMIT=${3:-600}
kept=$MEC/migrations/$ID
d=$INSTANCES/$SERVICE
mkdir -p "$kept/state"
name_keeper "$kept/names.sh"
criu_options "$d/criu.conf"
# no network-lock: CRIU 4.1.1, Debian's, crashes on it in such a file (its pull request 3051), and the cable is off the bridge anyway
echo "action-script $kept/names.sh" >>"$d/criu.conf"
pid=$(oci_pid "$SERVICE")
[ -n "$pid" ] || fail "$SERVICE does not run here"
export MEC_NAMES="$kept/names"
MEC_ROOT=$(sed -n 's/.*"root":{"path":"\([^"]*\)".*/\1/p' "$(cat "$d/bundle")/config.json")
export MEC_ROOT
freezer=$(oci_group "$pid" freezer)
[ -n "$freezer" ] || fail "the control group of $SERVICE is not known: its processes cannot be frozen"
if ! freeze "$freezer" || ! leave_oci "$SERVICE"; then
    unfreeze_oci "$SERVICE" "$ID"
    fail "$SERVICE cannot be frozen: one of its processes does not stand still, or its cable cannot be taken off the bridge"
fi
give_back_cpu "$ID" # CRIU saves the limits, too
# runc knows what it mounted into the container. It leaves the processes, and CRIU leaves the control group as it found it
runc checkpoint --leave-running --tcp-established --file-locks --image-path "$kept/state" --work-path "$kept" \
    "$(cat "$d/container")" </dev/null >"$kept/criu.log" 2>&1 || {
    unfreeze_oci "$SERVICE" "$ID"
    grep -vE '^\([0-9.]+\) +(Dumping|Something)' "$kept/dump.log" 2>/dev/null | tail -n 400 >&2
    fail "CRIU could not save $SERVICE: $(first_error "$kept/dump.log" || tail -n1 "$kept/criu.log")"
}
# Did it run on, what was saved would be its past
stand_still "$freezer" || fail "$SERVICE is saved, and did not stay frozen"
# whole: from here on it can be resumed from what was saved, too, if this host goes down
: >"$kept/complete"
keep_names "$kept/names"
[ "$LIMIT" = 0 ] || seal_state "$kept/state" "$LIMIT" "$SERVICE" descriptors.json
