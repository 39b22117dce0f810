# What the checks before a migration look at on the source. Changes nothing.
# Arguments: service, base, app layer, storage, backhaul address.
SERVICE=$1 BASE=$2 LAYER=$3 STORAGE=$4 BACKHAUL=$5
instance=$INSTANCES/$SERVICE
kvm_versions
echo "state=$(domain_state "$SERVICE")"
source_layers "$SERVICE" 'kvm/' "$BASE" "$STORAGE" "$LAYER" image
idle=layers/kvm/app/$STORAGE/$LAYER/idle
[ -d "$instance/lower" ] || [ ! -e "$MEC/$idle/memory" ] || echo "app_idle=$idle"
[ -d "$instance/image" ] && echo "instance_bytes=$(tree_bytes "$instance/image")"
echo "backhaul_interface=$(interface_of "$BACKHAUL")"
# the guest as it really runs, not as it was once defined
virsh -q dumpxml "$SERVICE" 2>/dev/null >"/run/mec-check-$SERVICE.xml" || exit 0
xml=/run/mec-check-$SERVICE.xml
echo "machine=$(sed -n "s/.* machine='\([^']*\)'.*/\1/p" $xml | head -n1)"
echo "virttype=$(sed -n "s/^<domain type='\([^']*\)'.*/\1/p" $xml)"
echo "disks=$(sed -n "s/.*<source file='\([^']*\)'.*/\1/p" $xml | grep '^/var/lib/mec/instances' | tr '\n' ' ')"
echo "other_disks=$(virsh -q domblklist "$SERVICE" | awk '{print $2}' | grep -vx -e "$instance/image/disk.qcow2" -e '' | tr '\n' ' ')"
echo "passed_through=$(grep -cE '<hostdev|<redirdev|<filesystem' $xml)"
echo "snapshots=$(virsh -q snapshot-list --name "$SERVICE" | grep -c . || true)"
echo "cpu=$(sed -n '/<cpu /,/<\/cpu>/p' $xml | tr -d '\n')"
echo "memory_bytes=$(guest_memory "$SERVICE")"
echo "definition=$(virsh -q dumpxml --migratable "$SERVICE" | base64 -w0)"
rm -f $xml
true
