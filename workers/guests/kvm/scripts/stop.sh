# End the guest as its own shutdown does, or by force when it does not. Arguments: service, its hardware address.
SERVICE=$1 OWNER=$2
is_strangers_guest "$SERVICE" "$OWNER" && exit 0
state=$(domain_state "$SERVICE")
[ "$state" != ABSENT ] || exit 0
if [ "$state" = RUNNING ]; then
    # whatever the agent says of it: the guest may be on its way, and one that is destroyed in mid-way loses what it had not written
    case "$(virsh -q shutdown --mode agent "$SERVICE" 2>&1)" in
        *'agent is not connected'* | *'agent is not configured'*) ;; # there is none that could have heard it
        *) wait_for 40 domain_is_gone "$SERVICE" || true ;;
    esac
fi
domain_is_gone "$SERVICE" || virsh -q destroy "$SERVICE" >/dev/null 2>&1 || true
wait_for 5 domain_is_gone "$SERVICE" || fail "the guest of $SERVICE does not end"
