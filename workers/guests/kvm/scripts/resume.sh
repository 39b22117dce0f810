# Let the guest go on where its migration began. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
case $(domain_state "$SERVICE") in
    RUNNING) ;;
    FROZEN)
        # what was saved of it is its past as soon as it goes on
        rm -f "$kept/complete"
        virsh -q resume "$SERVICE"
        [ ! -d "$kept/state" ] || set_guest_clock "$SERVICE"
        ;;
    HANDED_OVER) virsh -q resume "$SERVICE" ;;
    *) # this host went down meanwhile, or it was ended
        [ -e "$kept/complete" ] || fail "$SERVICE does not run here, and its state was not saved whole"
        virsh -q restore "$kept/state/memory" --xml "$kept/state/domain.xml" --running >"$kept/restore.log" 2>&1 || {
            cat "$kept/restore.log" >&2
            fail "$SERVICE could not be resumed here: $(sed -n 's/^error: //p' "$kept/restore.log" | tail -n1)"
        }
        set_guest_clock "$SERVICE"
        ;;
esac
rm -rf "$kept/state" "$kept/complete" "$kept"/*.log
rmdir "$kept" 2>/dev/null || true
