# Everything the portal wants to know of a host, as key=value lines. Arguments: backhaul address, access bridge, ssh user.
BACKHAUL=$1 BRIDGE=$2 OWNER=${3:-root}
# What containers and CRIU need of the kernel may lie in modules that nobody has used since it booted.
if command -v modprobe >/dev/null; then
    for module in overlay veth tun inet_diag tcp_diag udp_diag raw_diag unix_diag netlink_diag af_packet_diag; do
        modprobe -q "$module" 2>/dev/null || true # built in, or not to be had
    done
fi
# A cable is tried where nobody sees it: of what is built in, no list says so.
grep -qw overlay /proc/filesystems || lacks="${lacks:-} overlay"
unshare --net ip link add mec-try0 type veth peer name mec-try1 2>/dev/null || lacks="${lacks:-} veth"
echo "missing_modules=${lacks:-}"
echo "kernel=$(uname -r)"
echo "boot_id=$(boot_id)"
echo "machine=$(uname -m)"
echo "os=$(. /etc/os-release && echo "$PRETTY_NAME")"
echo "cpu_model=$(grep -m1 '^model name' /proc/cpuinfo | cut -d: -f2- | sed 's/^ //')"
echo "cpu_flags=$(grep -m1 '^flags' /proc/cpuinfo | cut -d: -f2- | sed 's/^ //')"
echo "cores=$(nproc)"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup_mode=v2; else echo cgroup_mode=v1; fi
echo "rsync_version=$(version rsync --version)"
# sudo asks for the host's own name at each command; a resolver that does not answer takes seconds for it
if [ "$OWNER" = root ] || timeout 1 getent ahosts "$(uname -n)" >/dev/null 2>&1; then echo own_name=yes; else echo own_name=no; fi
for tool in xxh128sum arping iptables-restore flock ssh ip debootstrap pip3 newuidmap; do
    command -v $tool >/dev/null || missing="${missing:-} $tool"
done
for technology in $TECHNOLOGIES; do "facts_of_$technology"; done
echo "missing_tools=${missing:-}"
mkdir -p $MEC/layers $INSTANCES $MEC/incoming $MEC/migrations
chmod 711 $MEC $MEC/layers $INSTANCES
[ ! -d $MEC/layers/base ] || chmod 711 $MEC/layers/base
find $MEC/layers/base -mindepth 1 -maxdepth 1 -exec chmod 711 {} + 2>/dev/null || true
for technology in $TECHNOLOGIES; do "settle_layers_of_$technology"; done
free_disk
echo "memory_total_bytes=$(($(awk '/^MemTotal/{print $2}' /proc/meminfo) * 1024))"
free_memory
echo "clock=$(date +%s.%N)"
echo "backhaul_interface=$(interface_of "$BACKHAUL")"
ip link show dev "$BRIDGE" >/dev/null 2>&1 && echo bridge=yes || echo bridge=no
# What only crosses a bridge is a firewall's business where br_netfilter is loaded: a chain that drops it unless a rule accepts it.
drops_by() {
    [ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null)" = 1 ] || return 0
    if iptables -w -S FORWARD 2>/dev/null | grep -qx -e '-P FORWARD DROP' && ! iptables -w -C FORWARD -i "$1" -o "$1" -j ACCEPT 2>/dev/null; then
        echo iptables
    fi
    nft list chains 2>/dev/null | awk '$1 == "table" {table = $2 " " $3} $1 == "chain" {chain = $2}
        /hook forward/ && /policy drop/ && table ~ /^(inet|ip) / && table " " chain != "ip filter FORWARD" {print table, chain}' |
        while read -r family table chain; do
            nft list chain "$family" "$table" "$chain" | grep -q "iifname \"$1\" oifname \"$1\".* accept" || echo "$family $table $chain"
        done
}
echo "dropping_firewall=$(drops_by "$BRIDGE" | head -n1)"
for technology in $TECHNOLOGIES; do
    "layers_of_$technology" | while read -r content; do
        layer=${content%/*}
        path=${layer#"$MEC/layers/"}
        # of a layer that lies here without one other hosts may have the earlier kind
        [ -s "$layer/digest" ] || { tree_digest "$content" >"$layer/digest.new"; tree_bytes "$content" >"$layer/bytes"; mv "$layer/digest.new" "$layer/digest"; }
        echo "layer:$path=$(cat "$layer/digest") $(cat "$layer/bytes")"
    done
    for instance in "$INSTANCES"/*/; do
        name=$(basename "$instance")
        case $name in mec-idle-*) continue ;; esac # an application that is being built
        state=$("state_of_$technology" "$name")
        [ -z "$state" ] || echo "instance:$name=$technology $state $("memory_of_$technology" "$name")"
    done
done
for left in "$MEC"/incoming/*/ "$MEC"/migrations/*/; do
    [ -d "$left" ] && left=${left%/} && echo "leftover:${left#"$MEC"/}=${left##*/}"
done
home=$(getent passwd "$OWNER" | cut -d: -f6)
sed -n 's/.* mec-migration-\([A-Za-z0-9-]*\)$/leftover:key\/\1=\1/p' "$home/.ssh/authorized_keys" 2>/dev/null || true
true
