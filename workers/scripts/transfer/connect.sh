# One connection from source to target, kept open: a new one would cost a fifth of a second inside the downtime.
# Arguments: migration, user@target on the backhaul, port, the target's host key.
ID=$1 TARGET=$2 PORT=$3 HOST_KEY=$4
keys=$MEC/migrations/$ID/keys
address=${TARGET#*@}
if [ "$PORT" = 22 ]; then echo "$address $HOST_KEY" >"$keys/known_hosts"; else echo "[$address]:$PORT $HOST_KEY" >"$keys/known_hosts"; fi
ssh -F none -f -N -M -S "$keys/socket" -i "$keys/key" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes \
    -o UserKnownHostsFile="$keys/known_hosts" -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=10 \
    -o ServerAliveInterval=2 -o ServerAliveCountMax=2 -p "$PORT" "$TARGET" </dev/null >"$keys/connect.log" 2>&1 || {
    cat "$keys/connect.log" >&2
    fail "cannot connect to $TARGET over the backhaul: $(tail -n1 "$keys/connect.log")"
}
