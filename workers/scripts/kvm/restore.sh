# Make the received instance the host's own and let it go on where it stopped.
# Arguments: migration, service, digest of the saved state, access bridge.
ID=$1 SERVICE=$2 DIGEST=$3 BRIDGE=$4
received=$MEC/incoming/$ID/files/instance
d=$INSTANCES/$SERVICE
[ -e "$d" ] && fail "$d is there already"
state=$received/saved/state
# a memory image of another moment than the disk's would go on, and damage what it does not know
whole() { [ "$(xxh128sum <"$state/manifest" | cut -d' ' -f1)" = "$DIGEST" ] && (cd "$state" && xxh128sum --quiet -c manifest >/dev/null 2>&1); }
whole || fail "the saved state arrived damaged: its digest differs from the source's; migrate again"
mv -T "$received" "$d"
echo "$ID" >"$d/migration"
rebase "$d"
sed "s|<source bridge='[^']*'/>|<source bridge='$BRIDGE'/>|" "$d/saved/state/domain.xml" >"$d/domain.xml"
virsh -q restore "$d/saved/state/memory" --xml "$d/domain.xml" --paused >"$d/restore.log" 2>&1 || {
    cat "$d/restore.log" >&2
    fail "libvirt could not restore $SERVICE: $(sed -n 's/^error: //p' "$d/restore.log" | tail -n1)"
}
echo "$ID" >"$d/went_on"
virsh -q resume "$SERVICE"
