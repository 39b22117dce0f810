# Tell the network where the service is now: gratuitous ARP from its own interface. Arguments: service, address.
SERVICE=$1 ADDRESS=$2
pid=$(container_pid "$SERVICE")
[ -n "$pid" ] || fail_since_it_ended "$SERVICE" lxc
nsenter -t "$pid" -n arping -q -U -c 1 -w 1 -I eth0 "$ADDRESS" >/dev/null 2>&1 || true
# again a little later, in case a switch was still learning; nobody waits for it
nsenter -t "$pid" -n arping -q -A -c 2 -I eth0 "$ADDRESS" >/dev/null 2>&1 </dev/null &
