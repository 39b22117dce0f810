# Stop the container and take its root apart. Arguments: service.
SERVICE=$1
[ -d "$INSTANCES/$SERVICE" ] || exit 0
# what a migration left frozen is not to run again, not even to hear that it shall end
end_frozen_container "$SERVICE"
if ! is_stopped "$SERVICE"; then
    lxc-stop -P "$INSTANCES" -n "$SERVICE" -t 10 >/dev/null 2>&1 || lxc-stop -P "$INSTANCES" -n "$SERVICE" -k >/dev/null 2>&1 || true
    wait_for 10 is_stopped "$SERVICE" || fail "the container of $SERVICE does not stop"
fi
detach "$SERVICE"
free_cable "$SERVICE"
remove_cgroups "$SERVICE"
