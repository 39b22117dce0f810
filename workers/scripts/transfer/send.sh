# Send directories to the target's incoming directory by rsync over the open connection.
# Arguments: migration, user@target, port, backhaul interface, compression, `ahead` or `there`, `changing` where the files may change
# meanwhile and are sent once more later, then for each part the source directory, its place at the target, and rsync's options for
# it. What is given is the program holes.py.
# All that a file has beside its contents goes with it: its lists of access (-A), without which its group would get what they deny, all
# its attributes (-XX: those as well in which a service's own rsync keeps owners), and its time to the nanosecond, by which a file is
# known again, too.
# Files with large holes go `ahead`: where there are any, only they are sent, packed, and `holes` says of which parts. When the target
# has laid them out, they are `there`, and rsync finds them.
ID=$1 TARGET=$2 PORT=$3 INTERFACE=$4 COMPRESS=$5 HOLES=$6 FILES=$7
shift 7
before=$(sent_bytes "$INTERFACE")
keys=$MEC/migrations/$ID/keys
packed=$keys/holes
sent=0

# Arguments: source directory, place at the target, options.
send() {
    rsync -aHAXXS --modify-window=-1 --mkpath --numeric-ids --delete --stats --no-human-readable --timeout=20 $COMPRESS $3 \
        -e "ssh -F none -S $keys/socket -o ControlMaster=no -o BatchMode=yes -o ProxyCommand=false -p $PORT -l ${TARGET%@*}" \
        "$1/" "${TARGET#*@}::incoming/$2/" >"$keys/rsync.out" 2>"$keys/rsync.err" || {
        status=$?
        # some vanished before they were read
        if [ "$FILES" = changing ] && [ $status = 24 ]; then return 0; fi
        cat "$keys/rsync.err" >&2
        if grep -q 'No space left' "$keys/rsync.err"; then fail "the target's disk is full: free space there and migrate again"; fi
        fail "rsync to ${TARGET#*@} failed ($status): $(grep -v '^$' "$keys/rsync.err" | grep -v '^rsync error' | tail -n1)"
    }
    sent=$((sent + $(sed -n 's/^Total bytes sent: //p' "$keys/rsync.out")))
}
# Whether a file below a directory has a hole worth the trouble. Images are the business of those who write them.
has_holes() {
    case $2 in *--ignore-times*) return 1 ;; esac
    find "$1" -type f -size +7800k -printf '%s %b\n' | awk '$1 - $2 * 512 >= 8000000 {found = 1} END {exit !found}'
}
# The parts' numbers whose files with holes are packed now.
pack_holes() {
    rm -rf "$packed"
    number=0
    while [ $# -gt 0 ]; do
        if has_holes "$1" "$3"; then
            mkdir -p "$packed/$number"
            # they lie here twice for a while
            room=$(($(df -P -k "$MEC" | awk 'NR==2{print $4}') * 1024 / 4))
            # what cannot be packed goes as any other file
            if python3 -I -c "$(given)" pack "$1" "$packed/$number/files" "$packed/$number/names" "$room"; then
                echo "$number"
            else
                rm -rf "${packed:?}/$number"
            fi
        fi
        number=$((number + 1))
        shift 3
    done
}

if [ "$HOLES" = ahead ]; then
    numbers=$(pack_holes "$@" | tr '\n' ' ')
    if [ -n "$numbers" ]; then
        send "$packed" holes --exclude=/*/names
        echo "holes=$numbers"
        set --
    fi
fi
number=0
while [ $# -gt 0 ]; do
    names=$packed/$number/names
    case $3 in
        # their contents are known to be there: rsync would read the holes of both sides
        *--checksum*) if [ "$HOLES" = there ] && [ -s "$names" ]; then send "$1" "$2" "$3 --from0 --exclude-from=$names" && send "$1" "$2" ''; else send "$@"; fi ;;
        *) send "$@" ;;
    esac
    number=$((number + 1))
    shift 3
done
[ "$HOLES" = ahead ] || rm -rf "$packed"
echo "bytes_rsync=$sent"
echo "bytes_on_wire=$(($(sent_bytes "$INTERFACE") - before))"
