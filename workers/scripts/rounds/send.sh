# Copy a container's memory to its target in rounds, and then what is left, as it is asked for by lines of standard input
# (workers/guests/rounds/program/sender.py, given in base64). Arguments: migration, service, user@target, port, level of compression,
# backhaul interface.
ID=$1 SERVICE=$2 TARGET=$3 PORT=$4 LEVEL=$5 INTERFACE=$6
kept=$MEC/migrations/$ID
group=$("group_of_$TECHNOLOGIES" "$SERVICE" freezer) # all of its processes
[ -n "$group" ] || fail "$SERVICE does not run here"
command -v python3 >/dev/null || fail "python3 is missing here, which copies memory in rounds: install it, or choose another method"
given | base64 -d >"$kept/rounds.pyz"
exec python3 -I "$kept/rounds.pyz" send "$group" "$kept" "$LEVEL" "$INTERFACE" \
    ssh -F none -S "$kept/keys/socket" -o ControlMaster=no -o BatchMode=yes -o ProxyCommand=false -p "$PORT" "$TARGET" rounds
