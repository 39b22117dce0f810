# Clone a layer as an instance. Arguments: service, where to make it, base, app layer (or - for the base itself), storage,
# idle or - (virtual machines alone have it), the hardware address of the service that it is made for.
SERVICE=$1 PLACE=$MEC/$2 BASE=$3 LAYER=$4 STORAGE=$5 OWNER=$7
base=$MEC/layers/base/$BASE/rootfs
app=$MEC/layers/app/$STORAGE/$LAYER/rootfs
[ -d "$base" ] || fail "the base layer $BASE is not on this host: provision it first"
mkdir -p "$(dirname "$PLACE")"
mkdir "$PLACE" || fail "$PLACE is there already"
echo "$OWNER" >"$PLACE/owner"
chmod 711 "$PLACE"
mkdir "$PLACE/saved"
case $STORAGE in
    overlay)
        # two layers: the application comes inside the instance, into `lower`
        if [ "$LAYER" = - ]; then lowers="$INSTANCES/$SERVICE/lower:$base"; else lowers="$app:$base"; fi
        echo "$lowers" >"$PLACE/lowers"
        mkdir "$PLACE/upper" "$PLACE/work" "$PLACE/rootfs"
        chmod 755 "$PLACE/upper" "$PLACE/rootfs"
        chown --reference="$base" "$PLACE/upper" "$PLACE/rootfs"
        ;;
    directory)
        [ "$LAYER" != - ] || app=$base
        case $2 in incoming/*) clone_unlinked "$app" "$PLACE/rootfs" ;; *) cp -a "$app" "$PLACE/rootfs" ;; esac
        ;;
esac
