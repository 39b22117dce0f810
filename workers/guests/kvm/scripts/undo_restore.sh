# End what a failed restoration left on the target, and only that. Arguments: migration, service.
ID=$1 SERVICE=$2
d=$INSTANCES/$SERVICE
[ "$(cat "$d/migration" 2>/dev/null)" = "$ID" ] || exit 0
went_on "$SERVICE" "$ID" && fail "$SERVICE went on here: what is left of it is not removed"
virsh -q destroy "$SERVICE" >/dev/null 2>&1 || true
wait_for 10 domain_is_gone "$SERVICE" || fail "what is left of $SERVICE's restoration does not end"
rm -rf --one-file-system "$d"
