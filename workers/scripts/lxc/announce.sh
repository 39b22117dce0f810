# Tell the network where the service is now. Arguments: service, address.
SERVICE=$1 ADDRESS=$2
pid=$(container_pid "$SERVICE")
[ -n "$pid" ] || fail "$SERVICE does not run here"
announce_container "$pid" "$ADDRESS"
# again a little later, in case a switch was still learning; nobody waits for it
nsenter -t "$pid" -n arping -q -A -c 2 -I eth0 "$ADDRESS" >/dev/null 2>&1 </dev/null &
