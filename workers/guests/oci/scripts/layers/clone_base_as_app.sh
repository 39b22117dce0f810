# Begin an application layer at the target: with the blobs of the base, which need not travel.
# Arguments: migration, base, storage, app layer.
ID=$1 BASE=$2
mkdir -p "$MEC/incoming/$ID/files/layer"
cp -al "$LAYERS/base/$BASE/image" "$MEC/incoming/$ID/files/layer/image"
