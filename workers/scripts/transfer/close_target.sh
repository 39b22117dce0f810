# Accept this migration's key no longer, and remove what came and was not used. Arguments: migration, ssh user.
ID=$1 OWNER=$2
home=$(getent passwd "$OWNER" | cut -d: -f6)
(
    flock -x 9
    sed -i "/ mec-migration-$ID\$/d" "$home/.ssh/authorized_keys"
) 9>"$MEC/authorized_keys.lock"
rm -rf "${MEC:?}/incoming/${ID:?}" "$MEC/migrations/$ID/live"
rmdir "$MEC/migrations/$ID" 2>/dev/null || true
rm -f "/run/mec-migration-$ID.lock"
