# End what stood frozen on the source, now that the service has gone on at the target, and set the moved instance aside with its
# saved state, until it is no longer needed. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
end_frozen_container "$SERVICE"
wait_for 10 is_stopped "$SERVICE" || fail "$SERVICE still runs here"
detach "$SERVICE"
remove_cgroups "$SERVICE"
mkdir -p "$kept"
if [ -d "$INSTANCES/$SERVICE" ]; then mv -T "$INSTANCES/$SERVICE" "$kept/instance"; fi
