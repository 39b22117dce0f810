# What the checks before a migration look at on the target. Changes nothing. Arguments: service, base, app layer, storage.
SERVICE=$1 BASE=$2 LAYER=$3 STORAGE=$4
kvm_versions
echo "base_digest=$(cat $MEC/layers/kvm/base/"$BASE"/digest 2>/dev/null)"
echo "app_digest=$(cat $MEC/layers/kvm/app/"$STORAGE"/"$LAYER"/digest 2>/dev/null)"
echo "app_bytes=$(cat $MEC/layers/kvm/app/"$STORAGE"/"$LAYER"/bytes 2>/dev/null)"
[ -e $MEC/layers/kvm/app/"$STORAGE"/"$LAYER"/idle/memory ] && echo app_idle=yes
free_disk
echo "memory_free_bytes=$(($(awk '/^MemAvailable/{print $2}' /proc/meminfo) * 1024))"
[ -e "$INSTANCES/$SERVICE" ] && echo instance=exists || echo instance=free
echo "state=$(domain_state "$SERVICE")"
echo "acceleration=$(acceleration)"
# the machine types that its QEMU still builds
echo "machines=$(qemu-system-x86_64 -machine help | awk '{print $1}' | tr '\n' ' ')"
true
