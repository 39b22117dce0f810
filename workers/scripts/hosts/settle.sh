# Wait until no command of a dead worker for this migration runs any more, then end those that stay. Arguments: migration, seconds.
lock=/run/mec-migration-$1.lock
[ -e "$lock" ] || exit 0
if ! flock -x -w "$2" "$lock" true; then
    fuser -s -k -TERM "$lock" || true
    flock -x -w 5 "$lock" true || fail "a command of the earlier worker does not end"
fi
