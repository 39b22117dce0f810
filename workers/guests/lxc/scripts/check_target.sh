# What the checks before a migration look at on the target. Changes nothing. Arguments: service, base, app layer, storage.
SERVICE=$1 BASE=$2 LAYER=$3 STORAGE=$4
echo "kernel=$(uname -r)"
echo "criu_version=$(criu --version 2>/dev/null | awk '/^Version/{print $2}')"
echo "lxc_version=$(lxc-checkpoint --version 2>/dev/null)"
echo "cpu_flags=$(grep -m1 '^flags' /proc/cpuinfo | cut -d: -f2-)"
target_layers "$SERVICE" '' "$BASE" "$STORAGE" "$LAYER"
echo "state=$(container_state "$SERVICE")"
true
