# Resume a guest that a live migration brought here whole, and paused. May be run again. Arguments: migration, service.
# The user waits for it: libvirt itself refuses to resume what is not here whole yet, so nothing is asked before.
ID=$1 SERVICE=$2
d=$INSTANCES/$SERVICE
[ "$(cat "$d/migration" 2>/dev/null)" = "$ID" ] || fail "$SERVICE was not received here by migration $ID"
# written first: from here on its past must come back nowhere
echo "$ID" >"$d/went_on"
virsh -q resume "$SERVICE" || [ "$(domain_state "$SERVICE")" = RUNNING ] || fail "$SERVICE could not be resumed here"
