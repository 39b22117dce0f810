# Remove a stopped instance. Arguments: service, its hardware address.
SERVICE=$1 OWNER=$2
d=$INSTANCES/$SERVICE
[ -d "$d" ] || exit 0
oci_has_ended "$SERVICE" || fail "$SERVICE still runs here: stop it first"
is_strangers_container "$SERVICE" "$OWNER" || [ ! -e "$d/settings" ] || remove_container "$SERVICE" "$d"
rm -rf --one-file-system "${INSTANCES:?}/${SERVICE:?}"
