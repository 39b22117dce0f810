# What the checks before a migration look at on the target. Changes nothing. Arguments: service, base, app layer, storage.
SERVICE=$1 BASE=$2 LAYER=$3 STORAGE=$4
echo "kernel=$(uname -r)"
oci_versions
echo "criu_version=$(version criu --version)"
echo "cpu_flags=$(grep -m1 '^flags' /proc/cpuinfo | cut -d: -f2-)"
target_layers "$SERVICE" 'oci/' "$BASE" "$STORAGE" "$LAYER"
echo "state=$(oci_state "$SERVICE")"
