# A light look at a host: which boot this is, what its instances do, which layers lie here. Changes nothing.
echo "boot_id=$(boot_id)"
for technology in $TECHNOLOGIES; do
    for instance in "$INSTANCES"/*/; do
        [ -d "$instance" ] || continue
        name=$(basename "$instance")
        # an answer that a technology's daemon does not give ends the look: half of it could be taken for all that there is
        state=$("state_of_$technology" "$name")
        [ -z "$state" ] || echo "instance:$name=$state"
    done
    "layers_of_$technology" | while read -r content; do
        layer=${content%/*}
        echo "layer:${layer#"$MEC/layers/"}=here"
    done
done
