# The target accepts this migration's key for this migration's directory and nothing else.
# Arguments: migration, public key, the source's backhaul address, the ssh user of the target, and for a live migration
# `sockets`: then libvirt's and QEMU's may be reached through it.
ID=$1 KEY=$2 SOURCE=$3 OWNER=$4 SOCKETS=${5:-}
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
home=$(getent passwd "$OWNER" | cut -d: -f6)
sudo=''
[ "$OWNER" = root ] || sudo='sudo -n '
mkdir -p "$home/.ssh"
(
    flock -x 9
    [ "$SOCKETS" = sockets ] && also=,port-forwarding || also=
    printf 'restrict%s,from="%s",command="%srsync --server --daemon --config=%s ." %s mec-migration-%s\n' \
        "$also" "$SOURCE" "$sudo" "$incoming/rsyncd.conf" "$KEY" "$ID" >>"$home/.ssh/authorized_keys"
) 9>"$MEC/authorized_keys.lock"
chown -R "$OWNER:" "$home/.ssh"
