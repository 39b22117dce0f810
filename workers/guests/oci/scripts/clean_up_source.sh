# End what stood frozen on the source, now that the service has gone on at the target, and set the moved instance aside with its
# saved state, until it is no longer needed. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
d=$INSTANCES/$SERVICE
[ -d "$d" ] || exit 0
end_frozen_oci "$SERVICE"
wait_for 10 oci_has_ended "$SERVICE" || fail "$SERVICE still runs here"
mkdir -p "$kept"
upper=$(realpath "$d/upper")
rm -f "$d/upper"
if [ -d "$upper" ]; then mv -T "$upper" "$d/upper"; fi
remove_container "$SERVICE" "$d"
mv -T "$d" "$kept/instance"
