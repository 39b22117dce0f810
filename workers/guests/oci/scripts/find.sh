# What this host has of a service, in whatever state. Changes nothing. Arguments: service, its hardware address.
SERVICE=$1
echo "state=$(oci_state "$SERVICE")"
[ -e "$INSTANCES/$SERVICE" ] && echo instance=yes || echo instance=no
echo "owner=$(owner_of "$SERVICE")"
if is_strangers_container "$SERVICE" "$2"; then echo stranger=yes; fi
