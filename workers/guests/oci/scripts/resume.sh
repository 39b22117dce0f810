# Let the service go on where its migration began. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
d=$INSTANCES/$SERVICE
if [ -n "$(oci_pid "$SERVICE")" ]; then
    # what was saved of these processes is their past as soon as they go on
    rm -f "$kept/complete"
    unfreeze_oci "$SERVICE" "$ID"
else # this host went down meanwhile, or they were ended
    [ -e "$kept/complete" ] || fail "$SERVICE does not run here, and its state was not saved whole"
    bundle=$(cat "$d/bundle")
    make_network "$SERVICE" "$d"
    rm -rf "$bundle/checkpoint"
    cp -a "$kept/state" "$bundle/checkpoint"
    restore_container "$SERVICE" || tell_restoration "$SERVICE" "$bundle"
    rm -rf "$bundle/checkpoint"
fi
rm -rf "$kept/state" "$kept/complete" "$kept/names" "$kept/names.sh" "$kept"/*.log "$kept/stats-dump"
criu_options "$d/criu.conf"
rmdir "$kept" 2>/dev/null || true
