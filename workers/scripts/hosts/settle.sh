# Refuse the commands of work's earlier owners from now on, wait until none of them runs any more, and end those that stay.
# Arguments: the work, the new owner's lease, seconds.
WORK=$1 LEASE=$2 SECONDS_TO_WAIT=$3
fences=/run/mec-fences
mkdir -p $fences
(
    flock -x 9
    fence "$WORK" "$LEASE"
    rm -f "$fences/$WORK.ended"
    echo "$LEASE" >"$fences/.new" && mv "$fences/.new" "$fences/$WORK"
) 9>"$fences/.lock" || exit $?
# a network that is late by a week is none
find $fences -type f -name '*-*' -mtime +7 -delete
lock=/run/mec-$WORK.lock
[ -e "$lock" ] || exit 0
flock -x -w "$SECONDS_TO_WAIT" "$lock" true && exit 0
# by one process: a host has thousands of open files
{ find /proc/[0-9]*/fd -maxdepth 1 -lname "$lock" 2>/dev/null || true; } | while read -r fd; do
    pid=${fd#/proc/}
    # the lock is held by the wrapper of a command, which leads a process group with all that the command started
    # (-s, since dash takes no -- after -TERM)
    kill -s TERM -- "-$(ps -o pgid= -p "${pid%%/*}" | tr -d ' ')" 2>/dev/null || true
done
flock -x -w 5 "$lock" true || fail "a command of the earlier worker does not end"
