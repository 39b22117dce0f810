# Remove a stopped instance. Arguments: service, its hardware address.
SERVICE=$1 OWNER=$2
domain_is_gone "$SERVICE" || is_strangers_guest "$SERVICE" "$OWNER" || fail "$SERVICE still runs here: stop it first"
rm -rf --one-file-system "${INSTANCES:?}/${SERVICE:?}"
