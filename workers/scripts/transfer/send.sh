# Send directories to the target's incoming directory by rsync over the open connection.
# Arguments: migration, user@target, port, backhaul interface, compression, then for each part the source directory, its
# place at the target, and rsync's options for it.
# All that a file has beside its contents goes with it: its lists of access (-A), without which its group would get what they deny, all
# its attributes (-XX: those as well in which a service's own rsync keeps owners), and its time to the nanosecond, by which a file is
# known again, too.
ID=$1 TARGET=$2 PORT=$3 INTERFACE=$4 COMPRESS=$5
shift 5
before=$(sent_bytes "$INTERFACE")
keys=$MEC/migrations/$ID/keys
sent=0
while [ $# -gt 0 ]; do
    rsync -aHAXXS --modify-window=-1 --mkpath --numeric-ids --delete --stats --no-human-readable --timeout=20 $COMPRESS $3 \
        -e "ssh -F none -S $keys/socket -o ControlMaster=no -o BatchMode=yes -o ProxyCommand=false -p $PORT -l ${TARGET%@*}" \
        "$1/" "${TARGET#*@}::incoming/$2/" >"$keys/rsync.out" 2>"$keys/rsync.err" || {
        status=$?
        cat "$keys/rsync.err" >&2
        if grep -q 'No space left' "$keys/rsync.err"; then fail "the target's disk is full: free space there and migrate again"; fi
        fail "rsync to ${TARGET#*@} failed ($status): $(grep -v '^$' "$keys/rsync.err" | grep -v '^rsync error' | tail -n1)"
    }
    sent=$((sent + $(sed -n 's/^Total bytes sent: //p' "$keys/rsync.out")))
    shift 3
done
echo "bytes_rsync=$sent"
echo "bytes_on_wire=$(($(sent_bytes "$INTERFACE") - before))"
