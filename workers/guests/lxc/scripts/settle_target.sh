# Forget what only the migration needed, once the service runs here. Arguments: migration, service.
d=$INSTANCES/$2
limit_container "$2" # once more, to tell what could not be set
[ "$(cat "$d/migration" 2>/dev/null)" = "$1" ] || exit 0
if went_on "$2" "$1"; then echo "$1" >"$d/went_on"; fi
rm -rf "$d/saved" "$d/criu.conf" "$d/restore-lxc.log"
