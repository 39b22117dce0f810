# Remove all that ended work left here: its connection, its keys, what came for it, and a state that it saved.
# Arguments: the work's mark, ssh user.
MARK=${1:?} OWNER=$2
case $MARK in *[!A-Za-z0-9-]*) fail "$MARK is no mark of any work" ;; esac
keys=$MEC/migrations/$MARK/keys
[ ! -S "$keys/socket" ] || ssh -F none -S "$keys/socket" -O exit mec 2>/dev/null || true
end_live "$MARK"
end_rounds "$MARK"
give_back_cpu "$MARK"
home=$(getent passwd "$OWNER" | cut -d: -f6)
(
    flock -x 9
    [ ! -e "$home/.ssh/authorized_keys" ] || sed -i "/ mec-migration-$MARK\$/d" "$home/.ssh/authorized_keys"
) 9>"$MEC/authorized_keys.lock"
awk -v place="$MEC/incoming/$MARK/" 'index($2, place) == 1 {print $2}' /proc/mounts | sort -r | while read -r mount; do
    umount "$mount" || umount -l "$mount"
done
for technology in $TECHNOLOGIES; do "drop_incoming_of_$technology" "$MARK"; done
rm -rf --one-file-system "$MEC/incoming/$MARK" "$MEC/migrations/$MARK"
for work in "migration-$MARK" "$MARK"; do forget_lock "$work"; done
