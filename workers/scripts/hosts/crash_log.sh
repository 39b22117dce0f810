# The last that was written about an instance that ended: by itself, by its technology, and by the kernel where it was out of memory.
# Changes nothing. Arguments: service.
SERVICE=$1
d=$INSTANCES/$SERVICE
root=$(realpath -e "$d/rootfs" 2>/dev/null || realpath -e "$d/upper" 2>/dev/null || echo /nowhere)
# a container's own root may have made links of its files, to this host's; a guest's last words are on its console
log=$root/var/log/mec-service.log
[ -f "$log" ] && [ "$(realpath "$log")" = "$log" ] || log=$d/console.log
{
    tail -c 20000 "$log" 2>/dev/null | tr -d '\000-\010\013-\037' | tail -n 20 | cut -c1-400
    # what the first process of an image wrote to its standard output and error, which Podman keeps
    if [ -e "$d/bundle" ]; then tail -n 20 "$(cat "$d/bundle")/ctr.log" 2>/dev/null | tr -d '\000-\010\013-\037' | cut -d' ' -f4- | cut -c1-400; fi
    # of what liblxc writes, how the first process ended, and its errors
    sed -n -e 's/.* - \(Child <[0-9]*> ended .*\)/\1/p' -e '/ ERROR /p' "$d/start.log" 2>/dev/null | tail -n 20
    tail -n 10 "/var/log/libvirt/qemu/$SERVICE.log" 2>/dev/null | cut -c1-400
    dmesg 2>/dev/null | grep -F -e "/lxc.payload.$SERVICE" -e "/libpod-$(cat "$d/container" 2>/dev/null || echo none)" -e "/machine-qemu" | grep -i -e oom -e 'out of memory' | tail -n 5
} | awk '{printf "line:%03d=%s\n", NR, $0}'
