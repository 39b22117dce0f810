# Stop the guest with its memory saved, and take the digests of memory and disk. Arguments: migration, service.
ID=$1 SERVICE=$2
kept=$MEC/migrations/$ID
state=$kept/state
mkdir -p "$state"
# as it really runs: after a live migration there is no other description of it
virsh -q dumpxml --migratable "$SERVICE" >"$state/domain.xml"
virsh -q save "$SERVICE" "$state/memory" >"$kept/save.log" 2>&1 || {
    cat "$kept/save.log" >&2
    fail "libvirt could not save $SERVICE: $(sed -n 's/^error: //p' "$kept/save.log" | tail -n1)"
}
sums() { echo "$(xxh128sum <"$state/$1" | cut -d' ' -f1)  $1"; }
{
    sums memory
    sums domain.xml
    echo "$(xxh128sum <"$INSTANCES/$SERVICE/image/disk.qcow2" | cut -d' ' -f1)  ../../image/disk.qcow2"
} >"$state/manifest"
touch "$kept/complete"
echo "digest=$(xxh128sum <"$state/manifest" | cut -d' ' -f1)"
echo "bytes=$(tree_bytes "$state")"
