# Remove a stopped instance. Arguments: service.
SERVICE=$1
domain_is_gone "$SERVICE" || fail "$SERVICE still runs here: stop it first"
rm -rf --one-file-system "${INSTANCES:?}/${SERVICE:?}"
