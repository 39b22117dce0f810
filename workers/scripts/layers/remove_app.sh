# Remove an application layer that nothing stands on. Arguments: its path below layers/.
place=$MEC/layers/${1:?}
case $place in "$LAYERS"/app/*/*) ;; *) fail "$1 is no application layer" ;; esac
for instance in "$INSTANCES"/*/; do
    if grep -qsF "$place/" "$instance/lowers" "$instance/backing"; then
        fail "the instance $(basename "$instance") stands on this layer: migrate or remove it first"
    fi
done
[ ! -d "$place" ] || forget_layer "$place"
# gone in one step: nobody may find half of it
[ ! -d "$place" ] || { mv -T "$place" "$place.removed.$$" && rm -rf --one-file-system "$place.removed.$$"; }
