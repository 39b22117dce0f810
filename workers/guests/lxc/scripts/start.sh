# Put the root together and start the container. Arguments: service, the number of its interface. The configuration is given
# as text.
SERVICE=$1 INDEX=$2
[ "$(container_state "$SERVICE")" != FROZEN ] ||
    fail "$SERVICE stands frozen here, as a migration left it, and may have gone on elsewhere: see docs/migrating.md, Stuck"
is_running "$SERVICE" && exit 0
d=$INSTANCES/$SERVICE
given >"$d/config"
attach "$SERVICE"
remove_cgroups "$SERVICE"
free_cable "$SERVICE"
rm -f "$d/start.log" "$d/cable.log"
# liblxc makes eth0 inside the container, where it gets the first free number, 2. CRIU, restoring into a user namespace, asks
# the *host* for a free number 2, which each host's network card has: so the cable is made anew, with a number that no host has
cat >"$d/cable.sh" <<'HOOK'
set -eu
exec 2>"${LXC_CONFIG_FILE%/*}/cable.log"
setting() { sed -n "s/^lxc.net.0.$1 = //p" "$LXC_CONFIG_FILE"; }
inside() { nsenter -t "$LXC_PID" -n "$@"; }
cable=$(setting veth.pair) bridge=$(setting link) hardware=$(setting hwaddr)
mtu=$(cat "/sys/class/net/$bridge/mtu")
inside ip link delete dev eth0
# the host's end has the highest hardware address, as liblxc gives it: a bridge without one of its own takes its ports' lowest
inside ip link add name eth0 address "$hardware" mtu "$mtu" index "$1" type veth \
    peer name "$cable" address "fe${hardware#??}" mtu "$mtu" netns 1
inside ip address add "$(setting ipv4.address)" broadcast + dev eth0
ip link set dev "$cable" master "$bridge" up
inside ip link set dev eth0 up
HOOK
lxc-start -P "$INSTANCES" -n "$SERVICE" -d -o "$d/start.log" -l INFO \
    -s "lxc.hook.start-host=/bin/sh $d/cable.sh $INDEX" </dev/null >/dev/null 2>&1 || true
wait_for 10 is_running "$SERVICE" || {
    cat "$d/cable.log" "$d/start.log" >&2 2>/dev/null || true
    detach "$SERVICE"
    fail "the container of $SERVICE does not start: $(grep . "$d/cable.log" || grep -m1 ERROR "$d/start.log" || echo 'its command ended at once')"
}
