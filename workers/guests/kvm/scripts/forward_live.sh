# Bring the target's libvirt and the sockets that its QEMU listens at to this host: whoever connects to one of them here asks for that
# stream through the open connection. Arguments: migration, service, user@target on the backhaul, port.
ID=$1 SERVICE=$2 TARGET=$3 PORT=$4
keys=$MEC/migrations/$ID/keys
live=$MEC/migrations/$ID/live
end_live "$ID"
open_live "$ID"
cat >"$live/ask.sh" <<ASK
# Ask the target for a stream. Arguments: memory, disk or libvirt.
exec ssh -F none -S $keys/socket -o ControlMaster=no -o BatchMode=yes -o ProxyCommand=false -p $PORT $TARGET "stream \$1"
ASK
# no process of this command's own, so that it outlives the command, and ends by end_live alone
listen() {
    setsid socat -t 30 -b 65536 "UNIX-LISTEN:$2,fork,mode=600$3" "EXEC:sh $live/ask.sh $1" </dev/null >>"$live/listen.log" 2>&1 &
    echo $! >>"$live/listeners"
    wait_for 5 test -S "$2" || fail "the way to the target's $1 does not open: $(tail -n1 "$live/listen.log")"
}
owner=$(qemu_owner) || owner=0:0
listen libvirt "$live/libvirt" ''
for stream in memory disk; do listen $stream "$(live_socket "$ID" "$SERVICE" $stream)" ",user=${owner%:*}"; done
