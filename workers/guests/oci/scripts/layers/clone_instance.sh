# Clone an image as an instance. What a migration will bring gets its container at once, so that the user does not wait for it.
# Arguments: service, where to make it, base, app layer (or - for what comes with the instance), storage, idle or - (virtual machines
# alone have it), the hardware address of the service that it is made for. Its settings are given as text.
SERVICE=$1 PLACE=$MEC/$2 LAYER=$4 STORAGE=$5 OWNER=$7
mkdir -p "$(dirname "$PLACE")"
mkdir "$PLACE" || fail "$PLACE is there already"
echo "$OWNER" >"$PLACE/owner"
given >"$PLACE/settings"
mkdir -p "$PLACE/saved"
[ "$LAYER" != - ] || exit 0
app=$LAYERS/app/$STORAGE/$LAYER/image
echo "$app" >"$PLACE/backing"
image=$(import_image "$app")
case $2 in incoming/*) prepare_container "$SERVICE" "$PLACE" "$image" ;; esac
