# Where things stand on this host, for a migration. Arguments: migration, service.
ID=$1 SERVICE=$2
echo "state=$(container_state "$SERVICE")"
[ -e "$MEC/migrations/$ID/complete" ] && echo saved=yes || echo saved=no
# a restoration that got as far as letting the processes go on
if grep -qs 'Tasks resumed' "$INSTANCES/$SERVICE/saved/state/restore.log" &&
    [ "$(cat "$INSTANCES/$SERVICE/migration" 2>/dev/null)" = "$ID" ]; then echo went_on=yes; else echo went_on=no; fi
