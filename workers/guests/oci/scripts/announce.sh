# Tell the network where the service is now: gratuitous ARP from its own interface. Arguments: service, address.
SERVICE=$1 ADDRESS=$2
! oci_has_ended "$SERVICE" || fail_since_it_ended "$SERVICE" oci
nsenter --net="/run/netns/mec-$SERVICE" arping -q -U -c 1 -w 1 -I eth0 "$ADDRESS" >/dev/null 2>&1 || true
# again a little later, in case a switch was still learning; nobody waits for it
nsenter --net="/run/netns/mec-$SERVICE" arping -q -A -c 2 -I eth0 "$ADDRESS" >/dev/null 2>&1 </dev/null &
