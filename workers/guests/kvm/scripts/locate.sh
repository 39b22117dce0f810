# Where things stand on this host, for a migration. Arguments: migration, service.
ID=$1 SERVICE=$2
state=$(domain_state "$SERVICE")
# brought here whole by this migration, and not resumed yet
[ "$state" = FROZEN ] && [ "$(cat "$INSTANCES/$SERVICE/migration" 2>/dev/null)" = "$ID" ] && ! went_on "$SERVICE" "$ID" && state=RECEIVED
echo "state=$state"
# handed over and unheard of: its memory is whole here
[ -e "$MEC/migrations/$ID/complete" ] || [ "$state" = HANDED_OVER ] && echo saved=yes || echo saved=no
went_on "$SERVICE" "$ID" && echo went_on=yes || echo went_on=no
