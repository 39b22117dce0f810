# A light look at a host: which boot this is, what its instances do, which layers lie here. Changes nothing.
echo "boot_id=$(boot_id)"
for instance in "$INSTANCES"/*/; do
    [ -d "$instance" ] || continue
    instance=${instance%/}
    # an answer that libvirt does not give ends the look: half of it could be taken for all that there is
    if [ -e "$instance/image/disk.qcow2" ]; then
        state=$(domain_state "${instance##*/}")
    elif [ -s "$instance/config" ]; then
        state=$(container_state "${instance##*/}")
    else
        continue
    fi
    echo "instance:${instance##*/}=$state"
done
for layer in "$MEC"/layers/base/* "$MEC"/layers/app/*/* "$MEC"/layers/kvm/base/* "$MEC"/layers/kvm/app/*/*; do
    [ ! -d "$layer/rootfs" ] && [ ! -d "$layer/image" ] || echo "layer:${layer#"$MEC/layers/"}=here"
done
