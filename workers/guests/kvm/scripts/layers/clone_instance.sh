# Clone a layer as an instance. Arguments: service, where to make it, base, app layer (or - for the base itself), storage,
# idle or - (whether the idle application's memory is to be the basis of the instance's),
# the hardware address of the service that it is made for.
SERVICE=$1 PLACE=$MEC/$2 BASE=$3 LAYER=$4 STORAGE=$5 IDLE=$6 OWNER=$7
base=$MEC/layers/kvm/base/$BASE/image/disk.qcow2
app=$MEC/layers/kvm/app/$STORAGE/$LAYER
[ -e "$base" ] || fail "the base layer $BASE (KVM) is not on this host: provision it first"
mkdir -p "$(dirname "$PLACE")"
mkdir "$PLACE" || fail "$PLACE is there already"
echo "$OWNER" >"$PLACE/owner"
mkdir -p "$PLACE/image" "$PLACE/saved/state"
case $STORAGE in
    overlay)
        # two layers: the application comes inside the instance, into `lower`
        if [ "$LAYER" = - ]; then backing=$INSTANCES/$SERVICE/lower/disk.qcow2; else backing=$app/image/disk.qcow2; fi
        echo "$backing" >"$PLACE/backing"
        # always a fresh one: an older overlay's clusters would shine through
        qemu-img create -q -u -f qcow2 -F qcow2 -b "$backing" "$PLACE/image/disk.qcow2" "$(qemu-img info -U --output=json "$base" | sed -n 's/^ *"virtual-size": \([0-9]*\),*$/\1/p' | tail -n1)"
        ;;
    directory)
        if [ "$LAYER" = - ]; then from=$base; else from=$app/image/disk.qcow2; fi
        cp --reflink=auto --sparse=always "$from" "$PLACE/image/disk.qcow2"
        chmod 600 "$PLACE/image/disk.qcow2"
        ;;
esac
[ "$IDLE" = - ] || [ ! -e "$app/idle/memory" ] || ln "$app/idle/memory" "$PLACE/saved/state/memory"
