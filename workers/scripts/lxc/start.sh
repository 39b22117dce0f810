# Put the root together and start the container. Arguments: service. The configuration is given as text.
SERVICE=$1
is_running "$SERVICE" && exit 0
given >"$INSTANCES/$SERVICE/config"
attach "$SERVICE"
remove_cgroups "$SERVICE"
free_cable "$SERVICE"
rm -f "$INSTANCES/$SERVICE/start.log"
lxc-start -P "$INSTANCES" -n "$SERVICE" -d -o "$INSTANCES/$SERVICE/start.log" -l INFO </dev/null >/dev/null 2>&1 || true
wait_for 10 is_running "$SERVICE" || {
    cat "$INSTANCES/$SERVICE/start.log" >&2
    detach "$SERVICE"
    fail "the container of $SERVICE does not start: $(grep -m1 ERROR "$INSTANCES/$SERVICE/start.log" || echo 'its command ended at once')"
}
