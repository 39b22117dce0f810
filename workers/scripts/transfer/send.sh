# Send directories to the target's incoming directory by rsync over the open connection.
# Arguments: migration, user@target, port, backhaul interface, compression, `changing` where the files may change meanwhile and
# are sent once more later, then for each part the source directory, its
# place at the target, and rsync's options for it.
ID=$1 TARGET=$2 PORT=$3 INTERFACE=$4 COMPRESS=$5 FILES=$6
shift 6
before=$(sent_bytes "$INTERFACE")
keys=$MEC/migrations/$ID/keys
sent=0
while [ $# -gt 0 ]; do
    rsync -aHXS --mkpath --numeric-ids --delete --stats --no-human-readable --timeout=20 $COMPRESS $3 \
        -e "ssh -F none -S $keys/socket -o ControlMaster=no -o BatchMode=yes -o ProxyCommand=false -p $PORT -l ${TARGET%@*}" \
        "$1/" "${TARGET#*@}::incoming/$2/" >"$keys/rsync.out" 2>"$keys/rsync.err" || {
        status=$?
        # some vanished before they were read
        if [ "$FILES" = changing ] && [ $status = 24 ]; then shift 3 && continue; fi
        cat "$keys/rsync.err" >&2
        if grep -q 'No space left' "$keys/rsync.err"; then fail "the target's disk is full: free space there and migrate again"; fi
        fail "rsync to ${TARGET#*@} failed ($status): $(grep -v '^$' "$keys/rsync.err" | grep -v '^rsync error' | tail -n1)"
    }
    sent=$((sent + $(sed -n 's/^Total bytes sent: //p' "$keys/rsync.out")))
    shift 3
done
echo "bytes_rsync=$sent"
echo "bytes_on_wire=$(($(sent_bytes "$INTERFACE") - before))"
