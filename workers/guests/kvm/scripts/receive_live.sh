# Make the cloned instance the host's own, for QEMU to receive a running guest into. Arguments: migration, service.
# The guest's definition is given as text: it takes the place of the one that the source sends.
ID=$1 SERVICE=$2
d=$INSTANCES/$SERVICE
take_in "$ID" "$SERVICE"
lend_to_qemu "$d"
rebase "$d"
for image in "$d"/*/disk.qcow2; do stands_on_layers "$image"; done
given | confined >"$MEC/incoming/$ID/domain.xml"
cp "$MEC/incoming/$ID/domain.xml" "$d/domain.xml"
open_live "$ID"
