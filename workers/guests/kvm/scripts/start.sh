# Start the guest. Arguments: service, processors of all hosts it may move to (libvirt's XML).
# Its definition is given as text, with @CPU@ where the processor stands.
SERVICE=$1 CPUS=$2
d=$INSTANCES/$SERVICE
state=$(domain_state "$SERVICE")
[ "$state" = RUNNING ] && exit 0
[ "$state" != FROZEN ] ||
    fail "$SERVICE is paused here, as a migration left it, and may have gone on elsewhere: see docs/migrating.md, Stuck"
given >"$d/definition.xml"
create_guest "$d" "$d/definition.xml" "$CPUS"
