# Begin an application layer at the target. Arguments: migration, base, storage, app layer.
ID=$1 BASE=$2 STORAGE=$3
app=$MEC/incoming/$ID/files/layer
mkdir -p "$app"
case $STORAGE in
    overlay) mkdir "$app/rootfs" && chmod 755 "$app/rootfs" && chown --reference="$MEC/layers/base/$BASE/rootfs" "$app/rootfs" ;;
    directory) clone_unlinked "$MEC/layers/base/$BASE/rootfs" "$app/rootfs" ;;
esac
