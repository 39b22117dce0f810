# What the checks before a migration look at on the source. Changes nothing.
# Arguments: service, base, app layer, storage, backhaul address.
SERVICE=$1 BASE=$2 LAYER=$3 STORAGE=$4 BACKHAUL=$5
instance=$INSTANCES/$SERVICE
echo "kernel=$(uname -r)"
echo "criu_version=$(criu --version 2>/dev/null | awk '/^Version/{print $2}')"
echo "network_lock=$(network_lock)"
echo "lxc_version=$(lxc-checkpoint --version 2>/dev/null)"
echo "cpu_flags=$(grep -m1 '^flags' /proc/cpuinfo | cut -d: -f2-)"
echo "state=$(container_state "$SERVICE")"
source_layers "$SERVICE" '' "$BASE" "$STORAGE" "$LAYER" rootfs
if [ -d "$instance/upper" ]; then echo "instance_bytes=$(tree_bytes "$instance/upper")"; fi
pid=$(container_pid "$SERVICE")
if [ -n "$pid" ]; then
    echo "interface_index=$(nsenter -t "$pid" -n ip -o link show dev eth0 | cut -d: -f1)"
    echo "memory_bytes=$(container_memory "$SERVICE")"
fi
echo "backhaul_interface=$(interface_of "$BACKHAUL")"
true
