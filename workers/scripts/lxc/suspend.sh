# Stop the container with its state saved, and take the digest of what was saved. Arguments: migration, service, the most
# seconds that the digest may take.
ID=$1 SERVICE=$2 LIMIT=${3:-600}
kept=$MEC/migrations/$ID
mkdir -p "$kept"
# CRIU also reads it from inside the container's user namespace, at moments when it is nobody yet: all may search the
# directory and read the files, but only root gets past the one above
install -d -m 711 "$kept/state"
umask 022
export CRIU_CONFIG_FILE=$kept/criu.conf
cat >"$CRIU_CONFIG_FILE" <<CONFIG
tcp-established
skip-in-flight
link-remap
file-locks
ghost-limit 67108864
CONFIG
pid=$(container_pid "$SERVICE")
[ -n "$pid" ] || fail "$SERVICE does not run here"
# CRIU as liblxc calls it (its criu.c). liblxc 6.0 itself fails over a container that it has restored with control groups of
# version 2: it does not find that one's freezer (lxc/lxc#4643)
set -- # the words of CRIU
for group in $(control_groups "$pid"); do set -- "$@" --cgroup-root "${group#:}"; done
criu dump -t "$pid" -D "$kept/state" -o dump.log --file-locks --link-remap --manage-cgroups=full --ext-mount-map auto \
    --enable-external-sharing --enable-external-masters --enable-fs hugetlbfs --enable-fs tracefs --force-irmap \
    --freeze-cgroup "$(control_group "$pid" freezer)" "$@" </dev/null >"$kept/criu.log" 2>&1 || {
    grep -vE '^\([0-9.]+\) +(Dumping|Something)' "$kept/state/dump.log" 2>/dev/null | tail -n 400 >&2
    fail "CRIU could not save $SERVICE: $(first_error "$kept/state/dump.log" || tail -n1 "$kept/criu.log")"
}
# whole: from here on it can be resumed from what was saved
touch "$kept/complete"
# CRIU has killed its processes, and liblxc's monitor ends as it does after any end
wait_for 5 is_stopped "$SERVICE" || fail "$SERVICE is saved but does not stop"
# a closing TCP socket would hold the old end for minutes, answering for the service's address
free_cable "$SERVICE"
(cd "$kept/state" && rm -f stats-dump && timeout "$LIMIT" xxh128sum ./*.img >manifest) ||
    fail "the digest of what was saved of $SERVICE took longer than $LIMIT s, or failed"
echo "digest=$(xxh128sum <"$kept/state/manifest" | cut -d' ' -f1)"
echo "bytes=$(tree_bytes "$kept/state")"
