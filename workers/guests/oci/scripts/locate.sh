# Where things stand on this host, for a migration. Arguments: migration, service.
ID=$1 SERVICE=$2
echo "state=$(oci_state "$SERVICE")"
[ -e "$MEC/migrations/$ID/complete" ] && echo saved=yes || echo saved=no
went_on "$SERVICE" "$ID" && echo went_on=yes || echo went_on=no
