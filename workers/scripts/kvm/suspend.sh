# Stop the guest with its memory saved, and take the digests of memory and disk. Arguments: migration, service,
# the most seconds that the digests may take.
ID=$1 SERVICE=$2 LIMIT=${3:-600}
kept=$MEC/migrations/$ID
state=$kept/state
mkdir -p "$state"
# as it really runs: after a live migration there is no other description of it
virsh -q dumpxml --migratable "$SERVICE" >"$state/domain.xml"
virsh -q save "$SERVICE" "$state/memory" >"$kept/save.log" 2>&1 || {
    cat "$kept/save.log" >&2
    fail "libvirt could not save $SERVICE: $(sed -n 's/^error: //p' "$kept/save.log" | tail -n1)"
}
# whole: from here on it can be resumed from what was saved
touch "$kept/complete"
{
    (cd "$state" && timeout "$LIMIT" xxh128sum memory domain.xml) &&
        (cd "$INSTANCES/$SERVICE/image" && timeout "$LIMIT" xxh128sum disk.qcow2 | sed 's|  |  ../../image/|')
} >"$state/manifest" || fail "the digests of what was saved of $SERVICE took longer than $LIMIT s, or failed"
[ "$(wc -l <"$state/manifest")" = 3 ] || fail "the digest of the disk of $SERVICE took longer than $LIMIT s, or failed"
echo "digest=$(xxh128sum <"$state/manifest" | cut -d' ' -f1)"
echo "bytes=$(tree_bytes "$state")"
