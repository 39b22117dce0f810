# Make a received layer one of the host's own, in one step, in place of an earlier copy.
# Arguments: mark of the transfer, layer (base/NAME or app/STORAGE/NAME), digest.
ID=$1 LAYER=$2 DIGEST=$3
received=$MEC/incoming/$ID/files/layer
place=$MEC/layers/$LAYER
found=$(tree_digest "$received/rootfs")
[ "$found" = "$DIGEST" ] || fail "the layer arrived damaged: its digest is $found, not $DIGEST; provision it again"
echo "$found" >"$received/digest"
tree_bytes "$received/rootfs" >"$received/bytes"
mkdir -p "$(dirname "$place")"
chmod 711 "$MEC/layers/${LAYER%%/*}" "$(dirname "$place")" "$received"
[ -d "$place" ] && mv -T "$place" "$MEC/incoming/$ID/replaced"
mv -T "$received" "$place"
echo "bytes=$(cat "$place/bytes")"
