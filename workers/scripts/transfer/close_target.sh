# Accept this migration's key no longer, and remove what came and was not used.
# Arguments: migration, ssh user, `keep` where a person has to look at what came.
ID=$1 OWNER=$2 CAME=${3:-remove}
end_rounds "$ID" # before what it writes to is removed
home=$(getent passwd "$OWNER" | cut -d: -f6)
(
    flock -x 9
    sed -i "/ mec-migration-$ID\$/d" "$home/.ssh/authorized_keys"
) 9>"$MEC/authorized_keys.lock"
if [ "$CAME" != keep ]; then
    for technology in $TECHNOLOGIES; do "drop_incoming_of_$technology" "$ID"; done
    rm -rf --one-file-system "${MEC:?}/incoming/${ID:?}"
fi
end_live "$ID"
rmdir "$MEC/migrations/$ID" 2>/dev/null || true
forget_lock "migration-$ID"
