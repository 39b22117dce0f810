# The target accepts this migration's key for this migration's directory and nothing else.
# Arguments: migration, public key, the source's backhaul address, the ssh user of the target; what else the source may ask for: `live`
# and the service, that guest's streams, with the relay before libvirt given as text; `rounds`, the receiver, given in base64.
ID=$1 KEY=$2 SOURCE=$3 OWNER=$4 ALSO=${5:-} SERVICE=${6:-}
incoming=$MEC/incoming/$ID
mkdir -p $MEC/incoming
mkdir "$incoming" "$incoming/files"
# no look-up of the peer's name: it would wait for a slow resolver inside the downtime. In the module it came too late
cat >"$incoming/rsyncd.conf" <<CONFIG
reverse lookup = no
use chroot = yes
munge symlinks = no
log file = $incoming/rsyncd.log
[incoming]
path = $incoming/files
list = no
read only = no
uid = 0
gid = 0
numeric ids = yes
CONFIG
receive="rsync --server --daemon --config=$incoming/rsyncd.conf ."
case $ALSO in
rounds)
    given | base64 -d >"$incoming/rounds.pyz"
    cat >"$incoming/answer.sh" <<ANSWER
# What the source of an iterative migration gets: the receiver, or else the rsync daemon. Argument: what it asked for.
case \$1 in
    rounds) exec python3 -I $incoming/rounds.pyz receive $incoming/files/instance/saved 2>>$incoming/receiver.log ;;
    *) exec $receive ;;
esac
ANSWER
    ;;
live)
    memory=$(live_socket "$ID" "$SERVICE" memory) disk=$(live_socket "$ID" "$SERVICE" disk)
    given >"$incoming/relay.py"
    cat >"$incoming/answer.sh" <<ANSWER
# What the source of a live migration gets: the stream that it asks for, or else the rsync daemon. Argument: what it asked for.
# A stream has two directions, which may end up to half a minute one after the other.
case \$1 in
    'stream memory') exec socat -t 30 -b 65536 - UNIX-CONNECT:$memory ;;
    'stream disk') exec socat -t 30 -b 65536 - UNIX-CONNECT:$disk ;;
    'stream libvirt')
        exec python3 -I $incoming/relay.py $SERVICE $incoming/domain.xml unix://$memory unix://$disk \\
            /run/libvirt/virtqemud-sock /run/libvirt/libvirt-sock 2>>$incoming/relay.log
        ;;
    *) exec $receive ;;
esac
ANSWER
    ;;
esac
[ -z "$ALSO" ] || receive="sh $incoming/answer.sh \\\"\$SSH_ORIGINAL_COMMAND\\\""
home=$(getent passwd "$OWNER" | cut -d: -f6)
sudo=''
[ "$OWNER" = root ] || sudo='sudo -n '
mkdir -p "$home/.ssh"
(
    flock -x 9
    printf 'restrict,from="%s",command="%s%s" %s mec-migration-%s\n' "$SOURCE" "$sudo" "$receive" "$KEY" "$ID" >>"$home/.ssh/authorized_keys"
) 9>"$MEC/authorized_keys.lock"
chown -R "$OWNER:" "$home/.ssh"
