# Pause the guest, save its memory, and take the digests of memory and disk. It stays paused until it runs on the target: to undo
# this is to resume it. Arguments: migration, service, the most seconds that the digests may take.
ID=$1 SERVICE=$2 LIMIT=${3:-600}
kept=$MEC/migrations/$ID
state=$kept/state
mkdir -p "$state"
# as it really runs: after a live migration there is no other description of it
virsh -q dumpxml --migratable "$SERVICE" >"$state/domain.xml"
# libvirt lets a guest go on that ran before the snapshot, and leaves one alone that did not; by its end QEMU has written the disk out
if ! { virsh -q suspend "$SERVICE" && virsh -q snapshot-create-as "$SERVICE" --no-metadata \
    --memspec "file=$state/memory,snapshot=external" --diskspec vda,snapshot=no; } >"$kept/save.log" 2>&1; then
    virsh -q resume "$SERVICE" >/dev/null 2>&1 || true
    cat "$kept/save.log" >&2
    fail "libvirt could not save $SERVICE: $(sed -n 's/^error: //p' "$kept/save.log" | tail -n1)"
fi
# did it run on, what was saved would be its past
[ "$(domain_state "$SERVICE")" = FROZEN ] || fail "$SERVICE is saved, and did not stay paused"
# whole: from here on it can be resumed from what was saved, too, if this host goes down
touch "$kept/complete"
{
    (cd "$state" && timeout "$LIMIT" xxh128sum memory domain.xml) &&
        (cd "$INSTANCES/$SERVICE/image" && timeout "$LIMIT" xxh128sum disk.qcow2 | sed 's|  |  ../../image/|')
} >"$state/manifest" || fail "the digests of what was saved of $SERVICE took longer than $LIMIT s, or failed"
[ "$(wc -l <"$state/manifest")" = 3 ] || fail "the digest of the disk of $SERVICE took longer than $LIMIT s, or failed"
echo "digest=$(xxh128sum <"$state/manifest" | cut -d' ' -f1)"
echo "bytes=$(tree_bytes "$state")"
echo "definition=$(base64 -w0 "$state/domain.xml")"
