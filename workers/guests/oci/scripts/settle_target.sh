# Forget what only the migration needed, once the service runs here. Arguments: migration, service.
d=$INSTANCES/$2
pid=$(oci_pid "$2")
wanted=$(setting "$d" memory)
if has_cgroup2; then file=memory.max; else file=memory.limit_in_bytes; fi
limit=$(cat "$(oci_group "$pid" memory)/$file" 2>/dev/null || true)
[ "$limit" = $((${wanted%m} * 1048576)) ] || echo "problem=the memory limit of $2 could not be set to $wanted on this host"
[ "$(cat "$d/migration" 2>/dev/null)" = "$1" ] || exit 0
if went_on "$2" "$1"; then echo "$1" >"$d/went_on"; fi
bundle=$(cat "$d/bundle")
rm -rf "$bundle/checkpoint" "$bundle"/round-* "$bundle/restore.log" "$d/saved" "$d/join.sh" "$d/podman.log"
criu_options "$d/criu.conf"
