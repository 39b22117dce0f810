# Bring the target's libvirt and the sockets that its QEMU will listen at to this host, through the open connection.
# Arguments: migration, ssh user of the target.
ID=$1 OWNER=$2
keys=$MEC/migrations/$ID/keys
live=$MEC/migrations/$ID/live
rm -rf "$live"
mkdir -p "$live"
for pair in libvirt:/run/libvirt/libvirt-sock memory:$live/memory disk:$live/disk; do
    ssh -F none -S "$keys/socket" -O forward -L "$live/${pair%%:*}:${pair#*:}" "$OWNER@mec" 2>"$keys/forward.log" ||
        fail "the connection to the target carries no sockets: $(tail -n1 "$keys/forward.log")"
done
