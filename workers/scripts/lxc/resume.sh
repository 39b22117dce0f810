# Let the service go on where its migration began. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
[ "$(container_state "$SERVICE")" != STOPPING ] || wait_for 5 is_stopped "$SERVICE" || fail "$SERVICE does not come to its stop"
state=$(container_state "$SERVICE")
if [ "$state" = FROZEN ]; then
    thaw "$(control_group "$(container_pid "$SERVICE")" freezer)"
elif [ "$state" != RUNNING ]; then
    [ -e "$kept/complete" ] || fail "$SERVICE does not run here, and its state was not saved whole"
    attach "$SERVICE"
    remove_cgroups "$SERVICE"
    free_cable "$SERVICE"
    export CRIU_CONFIG_FILE=$kept/criu.conf
    lxc-checkpoint -r -P "$INSTANCES" -n "$SERVICE" -D "$kept/state" -o "$kept/resume-lxc.log" -l INFO </dev/null >/dev/null 2>&1 || true
    wait_for 5 is_running "$SERVICE" || {
        tail -n 100 "$kept/state/restore.log" >&2
        fail "$SERVICE could not be resumed here: $(first_error "$kept/state/restore.log")"
    }
    raise_cable_address "$SERVICE"
    limit_container "$SERVICE"
fi
rm -rf "$kept/state" "$kept/complete" "$kept/criu.conf" "$kept"/*.log
rmdir "$kept" 2>/dev/null || true
