# Begin an application layer at the target. Arguments: migration, base, storage.
ID=$1 BASE=$2 STORAGE=$3
image=$MEC/incoming/$ID/files/layer/image
mkdir -p "$image"
[ "$STORAGE" = overlay ] || cp --reflink=auto --sparse=always "$MEC/layers/kvm/base/$BASE/image/disk.qcow2" "$image/disk.qcow2"
