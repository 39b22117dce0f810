# The last that was written about an instance that ended: by its technology, and by the kernel where it was out of memory.
# Changes nothing. Arguments: service.
SERVICE=$1
{
    # of what liblxc writes, how the first process ended, and its errors
    sed -n -e 's/.* - \(Child <[0-9]*> ended .*\)/\1/p' -e '/ ERROR /p' "$INSTANCES/$SERVICE/start.log" 2>/dev/null | tail -n 20
    tail -n 10 "/var/log/libvirt/qemu/$SERVICE.log" 2>/dev/null | cut -c1-400
    dmesg 2>/dev/null | grep -F -e "/lxc.payload.$SERVICE" -e "/machine-qemu" | grep -i -e oom -e 'out of memory' | tail -n 5
} | awk '{printf "line:%03d=%s\n", NR, $0}'
