# What the checks before a migration look at on the target. Changes nothing. Arguments: service, base, app layer, storage.
SERVICE=$1 BASE=$2 LAYER=$3 STORAGE=$4
kvm_versions
target_layers "$SERVICE" 'kvm/' "$BASE" "$STORAGE" "$LAYER"
[ -e $MEC/layers/kvm/app/"$STORAGE"/"$LAYER"/idle/memory ] && echo app_idle=yes
echo "state=$(domain_state "$SERVICE")"
echo "acceleration=$(acceleration)"
# the machine types that its QEMU still builds
echo "machines=$(qemu-system-x86_64 -machine help | awk '{print $1}' | tr '\n' ' ')"
true
