# Start the guest. Arguments: service, processors of all hosts it may move to (libvirt's XML).
# Its definition is given as text, with @CPU@ where the processor stands.
SERVICE=$1 CPUS=$2
d=$INSTANCES/$SERVICE
[ "$(domain_state "$SERVICE")" = RUNNING ] && exit 0
given >"$d/definition.xml"
create_guest "$d" "$d/definition.xml" "$CPUS"
