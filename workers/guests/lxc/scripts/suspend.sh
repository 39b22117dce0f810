# Freeze the container, save its state, and take the digest of what was saved. It stays frozen until it runs on the target: to undo
# this is to thaw it. Arguments: migration, service, the most seconds that the digest may take.
ID=$1 SERVICE=$2 LIMIT=${3:-600}
kept=$MEC/migrations/$ID
mkdir -p "$kept"
# CRIU also reads it from inside the container's user namespace, at moments when it is nobody yet: all may search the
# directory and read the files, but only root gets past the one above
install -d -m 711 "$kept/state"
umask 022
export CRIU_CONFIG_FILE=$kept/criu.conf
printf 'tcp-established\nskip-in-flight\nlink-remap\nfile-locks\nghost-limit 67108864\n' >"$CRIU_CONFIG_FILE"
# A file that is open under a name which it lost, and has others, gets one more from CRIU for the restoration; CRIU takes that away
# again where the processes stay. So it gets a third one, before it does
install -m 700 /dev/stdin "$kept/names.sh" <<'HOOK'
#!/bin/sh
[ "$CRTOOLS_SCRIPT_ACTION" = post-dump ] || exit 0
grep -aoE '/[^[:cntrl:]]*link_remap\.[0-9]+' "$CRTOOLS_IMAGE_DIR/files.img" | while read -r name; do
    # the kernel's own names have no links in them, nor lead out of the root
    folder=$MEC_ROOT${name%/*}
    [ -f "$MEC_ROOT$name" ] && [ "$(realpath "$folder")" = "$(realpath "$MEC_ROOT")${name%/*}" ] || continue
    ln "$MEC_ROOT$name" "$MEC_ROOT$name.mec" || exit 1
    printf '%s\0' "$MEC_ROOT$name" >>"$MEC_NAMES"
done
HOOK
export MEC_ROOT="$INSTANCES/$SERVICE/rootfs" MEC_NAMES="$kept/names"
pid=$(container_pid "$SERVICE")
[ -n "$pid" ] || fail "$SERVICE does not run here"
groups=$(control_groups "$pid")
freezer=$(group_of "$groups" freezer)
[ -n "$freezer" ] || fail "the control group of $SERVICE is not known: its processes cannot be frozen"
# CRIU as liblxc calls it (its criu.c). liblxc 6.0 itself fails over a container that it has restored with control groups of
# version 2: it does not find that one's freezer (lxc/lxc#4643)
set -- # the words of CRIU
for group in $groups; do set -- "$@" --cgroup-root "${group#:}"; done
if ! freeze "$freezer" || ! leave_bridge "$SERVICE"; then
    unfreeze "$SERVICE" "$ID"
    fail "$SERVICE cannot be frozen: one of its processes does not stand still, or its cable cannot be taken off the bridge"
fi
criu dump -t "$pid" -D "$kept/state" -o dump.log --file-locks --link-remap --manage-cgroups=full --ext-mount-map auto \
    --enable-external-sharing --enable-external-masters --enable-fs hugetlbfs --enable-fs tracefs --force-irmap \
    --network-lock "$(network_lock)" --leave-running --action-script "$kept/names.sh" --freeze-cgroup "$freezer" \
    "$@" </dev/null >"$kept/criu.log" 2>&1 || {
    unfreeze "$SERVICE" "$ID"
    grep -vE '^\([0-9.]+\) +(Dumping|Something)' "$kept/state/dump.log" 2>/dev/null | tail -n 400 >&2
    fail "CRIU could not save $SERVICE: $(first_error "$kept/state/dump.log" || tail -n1 "$kept/criu.log")"
}
# CRIU leaves it as it found it. Did it run on, what was saved would be its past
stand_still "$freezer" || fail "$SERVICE is saved, and did not stay frozen"
# whole: from here on it can be resumed from what was saved, too, if this host goes down
: >"$kept/complete"
[ ! -e "$kept/names" ] || xargs -0 -I{} mv {}.mec {} <"$kept/names"
# the restored one is not to stand still: version 1 has the freezer's state in the image
sed -i 's/\(freezer\.state\x12\x06\)FROZEN/\1THAWED/' "$kept/state/cgroup.img"
(cd "$kept/state" && rm -f stats-dump && timeout "$LIMIT" xxh128sum ./*.img >manifest) ||
    fail "the digest of what was saved of $SERVICE took longer than $LIMIT s, or failed"
digest=$(xxh128sum <"$kept/state/manifest")
echo "digest=${digest%% *}"
echo "bytes=$(tree_bytes "$kept/state")"
