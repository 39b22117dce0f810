# End what a failed restoration left on the target, and only that. Arguments: migration, service.
ID=$1 SERVICE=$2
d=$INSTANCES/$SERVICE
[ "$(cat "$d/migration" 2>/dev/null)" = "$ID" ] || exit 0
went_on "$SERVICE" "$ID" && fail "$SERVICE went on here: what is left of it is not removed"
lxc-stop -P "$INSTANCES" -n "$SERVICE" -k >/dev/null 2>&1 || true
# a criu that spins over a damaged image, and what liblxc started to watch it
for pid in $(pgrep -f -- "$d/saved/state" || true) $(pgrep -f "lxc monitor.* $SERVICE\$" || true); do
    [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null || true
done
wait_for 10 is_stopped "$SERVICE" || fail "what is left of $SERVICE's restoration does not end"
detach "$SERVICE"
free_cable "$SERVICE"
remove_cgroups "$SERVICE"
rm -rf --one-file-system "$d"
