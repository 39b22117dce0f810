# End what a failed restoration left on the target, and only that. Arguments: migration, service.
ID=$1 SERVICE=$2
d=$INSTANCES/$SERVICE
[ "$(cat "$d/migration" 2>/dev/null)" = "$ID" ] || exit 0
went_on "$SERVICE" "$ID" && fail "$SERVICE went on here: what is left of it is not removed"
# a criu that spins over a damaged image, and what waits for it: found by the container's number, without which nothing is looked for
id=$(cat "$d/container")
for pid in $(pgrep -f -- "${id:?}" || true); do
    [ "$pid" = $$ ] || { pkill -KILL -P "$pid" || true; kill -KILL "$pid" 2>/dev/null || true; }
done
podman kill "$SERVICE" >/dev/null 2>&1 || true
remove_container "$SERVICE" "$d"
rm -rf --one-file-system "$d"
