# Let the service go on where its migration began. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
[ "$(container_state "$SERVICE")" != STOPPING ] || wait_for 5 is_stopped "$SERVICE" || fail "$SERVICE does not come to its stop"
case $(container_state "$SERVICE") in
    FROZEN | RUNNING)
        # what was saved of these processes is their past as soon as they go on
        rm -f "$kept/complete"
        unfreeze "$SERVICE" "$ID"
        ;;
    *) # this host went down meanwhile, or they were ended
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
        ;;
esac
rm -rf "$kept/state" "$kept/complete" "$kept/criu.conf" "$kept/names" "$kept/names.sh" "$kept"/*.log
rmdir "$kept" 2>/dev/null || true
