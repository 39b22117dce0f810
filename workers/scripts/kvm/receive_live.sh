# Make the cloned instance the host's own, for QEMU to receive a running guest into. Arguments: migration, service.
ID=$1 SERVICE=$2
d=$INSTANCES/$SERVICE
[ -e "$d" ] && fail "$d is there already"
mv -T "$MEC/incoming/$ID/files/instance" "$d"
echo "$ID" >"$d/migration"
# libvirt opens its sockets here at both ends
mkdir -p "$MEC/migrations/$ID/live"
