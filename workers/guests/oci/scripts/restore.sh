# Make the received instance the host's own and let it go on where it stopped.
# Arguments: migration, service, digest of the saved state.
ID=$1 SERVICE=$2 DIGEST=$3
received=$MEC/incoming/$ID/files/instance
d=$INSTANCES/$SERVICE
[ -e "$d" ] && fail "$d is there already"
is_sealed "$received/saved/state" "$DIGEST" || fail "the saved state arrived damaged: its digest differs from the source's; migrate again"
# with two layers the image came only now
if [ ! -e "$received/container" ]; then prepare_container "$SERVICE" "$received" "$(import_image "$received/lower")"; fi
bundle=$(cat "$received/bundle")
take_in "$ID" "$SERVICE"
take_upper "$d"
rm -rf "$bundle/checkpoint"
link_rounds "$d/saved"
find "$d/saved" -maxdepth 1 -name 'round-*' -exec mv -t "$bundle" {} +
mv -T "$d/saved/state" "$bundle/checkpoint"
# where it says that it let the processes go on (went_on)
ln -s "$bundle" "$d/saved/state"
restore_container "$SERVICE" || tell_restoration "$SERVICE" "$bundle"
