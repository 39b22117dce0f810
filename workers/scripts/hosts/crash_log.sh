# The last that was written about an instance that ended: by itself, by its technology, and by the kernel where it was out of memory.
# Changes nothing. Arguments: service.
SERVICE=$1
root=$(realpath "$INSTANCES/$SERVICE/rootfs" 2>/dev/null || echo /nowhere)
# a container's own root may have made links of its files, to this host's; a guest's last words are on its console
log=$root/var/log/mec-service.log
[ -f "$log" ] && [ "$(realpath "$log")" = "$log" ] || log=$INSTANCES/$SERVICE/console.log
{
    tail -c 20000 "$log" 2>/dev/null | tr -d '\000-\010\013-\037' | tail -n 20 | cut -c1-400
    # of what liblxc writes, how the first process ended, and its errors
    sed -n -e 's/.* - \(Child <[0-9]*> ended .*\)/\1/p' -e '/ ERROR /p' "$INSTANCES/$SERVICE/start.log" 2>/dev/null | tail -n 20
    tail -n 10 "/var/log/libvirt/qemu/$SERVICE.log" 2>/dev/null | cut -c1-400
    dmesg 2>/dev/null | grep -F -e "/lxc.payload.$SERVICE" -e "/machine-qemu" | grep -i -e oom -e 'out of memory' | tail -n 5
} | awk '{printf "line:%03d=%s\n", NR, $0}'
