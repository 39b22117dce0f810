# What the checks before a migration look at on the target. Changes nothing. Arguments: service, base, app layer, storage.
SERVICE=$1 BASE=$2 LAYER=$3 STORAGE=$4
echo "kernel=$(uname -r)"
echo "criu_version=$(criu --version 2>/dev/null | awk '/^Version/{print $2}')"
echo "lxc_version=$(lxc-checkpoint --version 2>/dev/null)"
echo "cpu_flags=$(grep -m1 '^flags' /proc/cpuinfo | cut -d: -f2-)"
echo "base_digest=$(cat $MEC/layers/base/"$BASE"/digest 2>/dev/null)"
echo "app_digest=$(cat $MEC/layers/app/"$STORAGE"/"$LAYER"/digest 2>/dev/null)"
echo "app_bytes=$(cat $MEC/layers/app/"$STORAGE"/"$LAYER"/bytes 2>/dev/null)"
free_disk
echo "memory_free_bytes=$(($(awk '/^MemAvailable/{print $2}' /proc/meminfo) * 1024))"
[ -e "$INSTANCES/$SERVICE" ] && echo instance=exists || echo instance=free
echo "state=$(container_state "$SERVICE")"
true
