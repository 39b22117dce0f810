# Everything the portal wants to know of a host, as key=value lines. Arguments: backhaul address, access bridge.
BACKHAUL=$1 BRIDGE=$2
version() { command -v "$1" >/dev/null && "$@" 2>&1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n1 || true; }
echo "kernel=$(uname -r)"
echo "machine=$(uname -m)"
echo "os=$(. /etc/os-release && echo "$PRETTY_NAME")"
echo "cpu_model=$(grep -m1 '^model name' /proc/cpuinfo | cut -d: -f2- | sed 's/^ //')"
echo "cpu_flags=$(grep -m1 '^flags' /proc/cpuinfo | cut -d: -f2- | sed 's/^ //')"
echo "cores=$(nproc)"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup_mode=v2; else echo cgroup_mode=v1; fi
echo "lxc_version=$(version lxc-checkpoint --version)"
echo "criu_version=$(version criu --version)"
echo "rsync_version=$(version rsync --version)"
if command -v criu >/dev/null; then echo "criu_check=$(criu check 2>&1 | tail -n1)"; else echo criu_check=; fi
for tool in xxh128sum arping iptables-restore flock ssh ip debootstrap pip3 newuidmap; do
    command -v $tool >/dev/null || missing="${missing:-} $tool"
done
echo "missing_tools=${missing:-}"
mkdir -p $MEC/layers $INSTANCES $MEC/incoming $MEC/migrations
chmod 711 $MEC $MEC/layers $INSTANCES
[ -d $MEC/layers/base ] && chmod 711 $MEC/layers/base $MEC/layers/base/* 2>/dev/null
echo "disk_free_bytes=$(($(df -P -k $MEC | awk 'NR==2{print $4}') * 1024))"
echo "memory_total_bytes=$(($(awk '/^MemTotal/{print $2}' /proc/meminfo) * 1024))"
echo "memory_free_bytes=$(($(awk '/^MemAvailable/{print $2}' /proc/meminfo) * 1024))"
echo "clock=$(date +%s.%N)"
grep -qw overlay /proc/filesystems && echo overlay=yes || echo overlay=no
interface=$(ip -o addr show | awk -v a="$BACKHAUL" '{split($4, x, "/"); if (x[1] == a) {print $2; exit}}')
echo "backhaul_interface=$interface"
ip link show dev "$BRIDGE" >/dev/null 2>&1 && echo bridge=yes || echo bridge=no
echo "link_indexes=$(cat /sys/class/net/*/ifindex | sort -n | tr '\n' ' ')"
for layer in $MEC/layers/base/*/ $MEC/layers/app/*/*/; do
    [ -d "$layer/rootfs" ] || continue
    path=${layer#"$MEC/layers/"}
    [ -s "$layer/digest" ] || { tree_digest "$layer/rootfs" >"$layer/digest.new"; tree_bytes "$layer/rootfs" >"$layer/bytes"; mv "$layer/digest.new" "$layer/digest"; }
    echo "layer:${path%/}=$(cat "$layer/digest") $(cat "$layer/bytes")"
done
for instance in "$INSTANCES"/*/; do
    [ -s "$instance/config" ] || continue
    name=$(basename "$instance")
    echo "instance:$name=$(container_state "$name")"
done
for left in $MEC/incoming/*/ $MEC/migrations/*/; do
    [ -d "$left" ] && left=${left%/} && echo "leftover:${left#"$MEC"/}=${left##*/}"
done
true
