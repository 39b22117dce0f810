# Begin an application layer at the target. Arguments: migration, base, storage, app layer.
ID=$1 BASE=$2 STORAGE=$3 LAYER=$4
layer=$MEC/incoming/$ID/files/layer
held=$MEC/layers/kvm/app/$STORAGE/$LAYER/image
mkdir -p "$layer"
# held already, without the idle application's memory: rsync then finds that nothing of the image is missing
if [ -d "$held" ]; then cp -al "$held" "$layer/image" && exit 0; fi
mkdir "$layer/image"
[ "$STORAGE" = overlay ] || cp --reflink=auto --sparse=always "$MEC/layers/kvm/base/$BASE/image/disk.qcow2" "$layer/image/disk.qcow2"
