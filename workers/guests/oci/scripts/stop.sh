# Stop the container and take its network apart. Arguments: service, its hardware address.
SERVICE=$1 OWNER=$2
d=$INSTANCES/$SERVICE
[ -e "$d/container" ] || exit 0
is_strangers_container "$SERVICE" "$OWNER" && fail "this host has another container $SERVICE that the portal did not make: it is not stopped"
# what a migration left frozen is not to run again, not even to hear that it shall end
end_frozen_oci "$SERVICE"
if [ -n "$(oci_pid "$SERVICE")" ]; then
    podman stop -t 10 "$SERVICE" >/dev/null 2>&1 || podman kill "$SERVICE" >/dev/null 2>&1 || true
    wait_for 10 oci_has_ended "$SERVICE" || fail "the container of $SERVICE does not stop"
fi
remove_network "$SERVICE" "$d"
