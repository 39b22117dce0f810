# Make the received instance the host's own and let it go on where it stopped.
# Arguments: migration, service, digest of the saved state. The guest's definition is given as text: the portal has looked into it.
ID=$1 SERVICE=$2 DIGEST=$3
received=$MEC/incoming/$ID/files/instance
d=$INSTANCES/$SERVICE
[ -e "$d" ] && fail "$d is there already"
# a memory image of another moment than the disk's would go on, and damage what it does not know
is_sealed "$received/saved/state" "$DIGEST" || fail "the saved state arrived damaged: its digest differs from the source's; migrate again"
# A memory image begins with the source's own definition, and libvirt looks into that one first (it starts the emulator that is named
# there, to ask what it can do): ours takes its place. Behind its header of 92 bytes stand the definition and what libvirt told
# itself of the processor, each ended by a zero. Arguments: the image, the definition, a file to work in.
# Source: libvirt's src/qemu/qemu_saveimage.c.
put_definition() {
    image=$1 definition=$2 head=$3
    # shellcheck disable=SC2046
    set -- $(od -An -v -t u4 -j 20 -N 16 "$image")
    [ "$(head -c 16 "$image")" = LibvirtQemudSave ] && [ "$3" = 0 ] && [ "$1" -le 1000000 ] && [ "$4" -le "$1" ] ||
        fail "the memory image of $SERVICE is none that libvirt writes uncompressed (save_image_format in qemu.conf)"
    {
        cat "$definition" && printf '\0'
        [ "$4" = 0 ] || tail -c "+$((93 + $4))" "$image" | head -c $(($1 - $4)) | tr -d '\0'
    } >"$head"
    [ "$(stat -c %s "$head")" -lt "$1" ] || fail "the definition of $SERVICE has no room in its memory image"
    truncate -s "$1" "$head"
    dd if="$head" of="$image" bs=64k seek=92 oflag=seek_bytes conv=notrunc status=none
    [ "$4" = 0 ] || number $(($(stat -c %s "$definition") + 1)) | dd of="$image" bs=4 seek=8 conv=notrunc status=none
}
# As the processor writes it: four bytes, the lowest first.
number() { for shift in 0 8 16 24; do printf '%b' "\\0$(printf %o $(($1 >> shift & 255)))"; done; }
take_in "$ID" "$SERVICE"
lend_to_qemu "$d"
rebase "$d"
for image in "$d"/*/disk.qcow2; do stands_on_layers "$image"; done
given | confined >"$d/domain.xml"
put_definition "$d/saved/state/memory" "$d/domain.xml" "$d/saved/head"
virsh -q restore "$d/saved/state/memory" --xml "$d/domain.xml" --paused >"$d/restore.log" 2>&1 || {
    cat "$d/restore.log" >&2
    fail "libvirt could not restore $SERVICE: $(sed -n 's/^error: //p' "$d/restore.log" | tail -n1)"
}
echo "$ID" >"$d/went_on"
virsh -q resume "$SERVICE"
