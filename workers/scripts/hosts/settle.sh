# Wait until no command of a dead worker for this migration runs any more, then end those that stay. Arguments: migration, seconds.
lock=/run/mec-migration-$1.lock
[ -e "$lock" ] || exit 0
flock -x -w "$2" "$lock" true && exit 0
for fd in /proc/[0-9]*/fd/*; do
    [ "$(readlink "$fd")" = "$lock" ] || continue
    pid=${fd#/proc/}
    # the lock is held by the wrapper of a command, which leads a process group with all that the command started
    kill -TERM -- "-$(ps -o pgid= -p "${pid%%/*}" | tr -d ' ')" 2>/dev/null || true
done
flock -x -w 5 "$lock" true || fail "a command of the earlier worker does not end"
