# Make the container where there is none yet, and start it. Arguments: service. Its settings are given as text.
SERVICE=$1
[ "$(oci_state "$SERVICE")" != FROZEN ] ||
    fail "$SERVICE stands frozen here, as a migration left it, and may have gone on elsewhere: see docs/migrating.md, Stuck"
oci_runs "$SERVICE" && exit 0
d=$INSTANCES/$SERVICE
given >"$d/settings"
if [ -e "$d/container" ] && podman container exists "$SERVICE"; then
    is_strangers_container "$SERVICE" "$(setting "$d" hardware)" && fail "this host has another container $SERVICE that the portal did not make: look at it with 'podman inspect $SERVICE'"
    make_network "$SERVICE" "$d"
else
    [ ! -e "$d/container" ] || fail "Podman has lost the container of $SERVICE, and with it its files: remove the service and deploy it again"
    make_container "$SERVICE" "$d" "$(import_image "$(cat "$d/backing")")"
    ln -sfn "$(cat "$d/top")" "$d/upper"
fi
criu_options "$d/criu.conf"
podman start "$SERVICE" >/dev/null 2>"$d/podman.log" || fail "the container of $SERVICE does not start: $(tail -n1 "$d/podman.log")"
join_oci "$SERVICE"
