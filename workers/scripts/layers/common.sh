# What the scripts of layers share, behind their technology's own (layers/common.sh there, which sets LAYERS and CONTENT).

# What the portal is told of a layer that lies here. Argument: its directory.
layer_facts() {
    echo "digest=$(cat "$1/digest")"
    echo "bytes=$(cat "$1/bytes")"
}

# Make an application layer that was built the host's own, and say its digest and size. Another service of this application may have
# been deployed here at the same time: the first layer stays. Arguments: the build's directory, the layer's place.
keep_built() {
    layer_digest "$1/layer/$CONTENT" >"$1/layer/digest"
    tree_bytes "$1/layer/$CONTENT" >"$1/layer/bytes"
    mkdir -p "$(dirname "$2")"
    chmod 711 "$1/layer" "$LAYERS" "$LAYERS/app" "$(dirname "$2")"
    mv -T "$1/layer" "$2" 2>/dev/null || [ -s "$2/digest" ] || fail "the layer could not be put to $2"
    adopt_layer "$2"
    layer_facts "$2"
}
