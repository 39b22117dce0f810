# Begin an application layer at the target: with the blobs that this host has of other images, which need not travel. What the
# application has no use for is removed when it arrives.
# Arguments: migration, base (empty for an image that stands on none), storage, app layer.
ID=$1
blobs=$MEC/incoming/$ID/files/layer/image/blobs/sha256
mkdir -p "$blobs"
find "$LAYERS/base" "$LAYERS/app" -path '*/image/blobs/sha256/*' -type f -exec ln -ft "$blobs" {} + 2>/dev/null || true
