# Make a received layer one of the host's own, in one step, in place of an earlier copy.
# Arguments: mark of the transfer, layer (base/NAME or app/STORAGE/NAME, below kvm/ for virtual machines), digest.
ID=$1 LAYER=$2 DIGEST=$3
case $LAYER in kvm/*) content=image ;; *) content=rootfs ;; esac
received=$MEC/incoming/$ID/files/layer
place=$MEC/layers/$LAYER
found=$(tree_digest "$received/$content")
[ "$found" = "$DIGEST" ] || fail "the layer arrived damaged: its digest is $found, not $DIGEST; provision it again"
case $LAYER in kvm/*) stands_on_layers "$received/image/disk.qcow2" ;; esac
echo "$found" >"$received/digest"
tree_bytes "$received/$content" >"$received/bytes"
mkdir -p "$(dirname "$place")"
for folder in "$received" "$(dirname "$place")" "$(dirname "$(dirname "$place")")"; do chmod 711 "$folder"; done
[ ! -d "$MEC/layers/kvm" ] || chmod 711 "$MEC/layers/kvm"
[ -d "$place" ] && mv -T "$place" "$MEC/incoming/$ID/replaced"
mv -T "$received" "$place"
echo "bytes=$(cat "$place/bytes")"
