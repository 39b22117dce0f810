# Remove a stopped instance. Arguments: service.
SERVICE=$1
is_stopped "$SERVICE" || fail "$SERVICE still runs here: stop it first"
detach "$SERVICE"
rm -rf --one-file-system "${INSTANCES:?}/${SERVICE:?}"
