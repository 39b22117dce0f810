# End what stood paused on the source, now that the guest has gone on at the target, and set the moved instance aside with its saved
# state, until it is no longer needed. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
[ "$(domain_state "$SERVICE")" != FROZEN ] || virsh -q destroy "$SERVICE"
# libvirt may still be about to forget it
wait_for 10 domain_is_gone "$SERVICE" || fail "$SERVICE still runs here"
mkdir -p "$kept"
if [ -d "$INSTANCES/$SERVICE" ]; then mv -T "$INSTANCES/$SERVICE" "$kept/instance"; fi
