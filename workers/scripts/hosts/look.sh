# A light look at a host: which boot this is, what its instances do, which layers lie here. Changes nothing.
echo "boot_id=$(boot_id)"
for instance in "$INSTANCES"/*/; do
    [ -d "$instance" ] || continue
    instance=${instance%/}
    if [ -e "$instance/image/disk.qcow2" ]; then
        echo "instance:${instance##*/}=$(domain_state "${instance##*/}")"
    elif [ -s "$instance/config" ]; then
        echo "instance:${instance##*/}=$(container_state "${instance##*/}")"
    fi
done
for layer in "$MEC"/layers/base/* "$MEC"/layers/app/*/* "$MEC"/layers/kvm/base/* "$MEC"/layers/kvm/app/*/*; do
    [ ! -d "$layer/rootfs" ] && [ ! -d "$layer/image" ] || echo "layer:${layer#"$MEC/layers/"}=here"
done
