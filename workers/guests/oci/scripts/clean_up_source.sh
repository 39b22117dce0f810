# End what stood frozen on the source, now that the service has gone on at the target, and set the moved instance aside with its
# saved state, until it is no longer needed. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
d=$INSTANCES/$SERVICE
[ -d "$d" ] || exit 0
end_frozen_oci "$SERVICE"
wait_for 10 oci_has_ended "$SERVICE" || fail "$SERVICE still runs here"
mkdir -p "$kept"
# each of these steps may have been done already, by a worker that died after it
top=$(cat "$d/top")
if [ -d "$top" ]; then
    if [ -L "$d/upper" ]; then rm "$d/upper"; fi
    mv -T "$top" "$d/upper"
fi
remove_container "$SERVICE" "$d"
mv -T "$d" "$kept/instance"
