# What the checks before a migration look at on the source. Changes nothing.
# Arguments: service, base, app layer, storage, backhaul address.
SERVICE=$1 BASE=$2 LAYER=$3 STORAGE=$4 BACKHAUL=$5
instance=$INSTANCES/$SERVICE
echo "kernel=$(uname -r)"
oci_versions
echo "criu_version=$(version criu --version)"
echo "cpu_flags=$(grep -m1 '^flags' /proc/cpuinfo | cut -d: -f2-)"
echo "state=$(oci_state "$SERVICE")"
source_layers "$SERVICE" 'oci/' "$BASE" "$STORAGE" "$LAYER" image
if [ -e "$instance/upper" ]; then echo "instance_bytes=$(tree_bytes "$instance/upper/")"; fi
# without this capability root may not read the limits of another user's processes, and CRIU cannot save them
if [ $((0x$(sed -n 's/^CapEff:\t//p' /proc/self/status) >> 24 & 1)) = 0 ]; then
    group=$(oci_group "$(oci_pid "$SERVICE")" pids)
    cat "$group/cgroup.procs" 2>/dev/null | while read -r pid; do stat -c %u "/proc/$pid" 2>/dev/null || true; done | grep -qvx 0 && echo unreadable_limits=yes
fi
echo "memory_bytes=$(memory_of_oci "$SERVICE")"
echo "backhaul_interface=$(interface_of "$BACKHAUL")"
