# Make a received layer one of the host's own, in one step, in place of an earlier copy.
# Arguments: mark of the transfer, layer (base/NAME or app/STORAGE/NAME, below its technology's folder), digest.
ID=$1 LAYER=$2 DIGEST=$3
received=$MEC/incoming/$ID/files/layer
place=$MEC/layers/$LAYER
found=$(layer_digest "$received/$CONTENT" "$DIGEST")
[ "$found" = "$DIGEST" ] || fail "the layer arrived damaged: its digest is $found, not $DIGEST; provision it again"
vet_layer "$received"
echo "$found" >"$received/digest"
tree_bytes "$received/$CONTENT" >"$received/bytes"
mkdir -p "$(dirname "$place")"
for folder in "$received" "$(dirname "$place")" "$(dirname "$(dirname "$place")")"; do chmod 711 "$folder"; done
chmod 711 "$LAYERS"
[ -d "$place" ] && mv -T "$place" "$MEC/incoming/$ID/replaced"
mv -T "$received" "$place"
adopt_layer "$place"
echo "bytes=$(cat "$place/bytes")"
