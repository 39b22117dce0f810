# Resume a guest that a live migration brought here whole, and paused. May be run again. Arguments: migration, service.
ID=$1 SERVICE=$2
d=$INSTANCES/$SERVICE
[ "$(cat "$d/migration" 2>/dev/null)" = "$ID" ] || fail "$SERVICE was not received here by migration $ID"
case $(domain_state "$SERVICE") in
    RUNNING) exit 0 ;;
    FROZEN) ;;
    *) fail "$SERVICE is not here whole" ;;
esac
# written first: from here on its past must come back nowhere
echo "$ID" >"$d/went_on"
virsh -q resume "$SERVICE"
