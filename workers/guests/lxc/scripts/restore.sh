# Make the received instance the host's own and let it go on where it stopped.
# Arguments: migration, service, digest of the saved state. The configuration is given as text.
ID=$1 SERVICE=$2 DIGEST=$3
received=$MEC/incoming/$ID/files/instance
d=$INSTANCES/$SERVICE
[ -e "$d" ] && fail "$d is there already"
state=$received/saved/state
is_sealed "$state" "$DIGEST" || fail "the saved state arrived damaged: its digest differs from the source's; migrate again"
take_in "$ID" "$SERVICE"
link_rounds "$d/saved"
given >"$d/config"
attach "$SERVICE"
free_cable "$SERVICE"
export CRIU_CONFIG_FILE=$d/criu.conf
# one level of its log more than CRIU writes by itself: only there it says that it let the processes go on (went_on)
criu_options "$CRIU_CONFIG_FILE"
echo verbosity >>"$CRIU_CONFIG_FILE"
runs=no
# what failed at once is told at once: the service waits frozen at its source
if lxc-checkpoint -r -P "$INSTANCES" -n "$SERVICE" -D "$d/saved/state" -o "$d/restore-lxc.log" -l INFO </dev/null >/dev/null 2>&1; then
    wait_for 2 is_running "$SERVICE" && runs=yes
elif is_running "$SERVICE"; then
    runs=yes
fi
[ $runs = yes ] || {
    echo "--- liblxc" >&2
    tail -n 40 "$d/restore-lxc.log" >&2
    echo "--- CRIU" >&2
    tail -n 400 "$d/saved/state/restore.log" >&2
    fail "CRIU could not restore $SERVICE: $(first_error "$d/saved/state/restore.log" || tail -n1 "$d/restore-lxc.log")"
}
raise_cable_address "$SERVICE"
limit_container "$SERVICE"
