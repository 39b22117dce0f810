# End the guest as its own shutdown does, or by force when it does not. Arguments: service, its hardware address.
SERVICE=$1 OWNER=$2
is_strangers_guest "$SERVICE" "$OWNER" && exit 0
state=$(domain_state "$SERVICE")
[ "$state" != ABSENT ] || exit 0
if [ "$state" = RUNNING ] && virsh -q shutdown --mode agent "$SERVICE" >/dev/null 2>&1; then wait_for 20 domain_is_gone "$SERVICE" || true; fi
domain_is_gone "$SERVICE" || virsh -q destroy "$SERVICE" >/dev/null 2>&1 || true
wait_for 5 domain_is_gone "$SERVICE" || fail "the guest of $SERVICE does not end"
