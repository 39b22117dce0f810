# Boot the application once, wait until it idles, and keep its memory beside the layer: what an instance's memory is
# later sent as a difference to. Arguments: layer, storage, number that names this build, processors (libvirt's XML).
# The guest's definition is given as text.
LAYER=$1 STORAGE=$2 BUILD=$3 CPUS=$4
place=$MEC/layers/kvm/app/$STORAGE/$LAYER
[ ! -e "$place/idle/memory" ] || exit 0
guest=mec-idle-$BUILD
d=$INSTANCES/$guest
clean() {
    virsh -q destroy "$guest" >/dev/null 2>&1 || true
    rm -rf --one-file-system "$d" "$place/idle/unfinished-$BUILD"
}
# shellcheck disable=SC2154
trap 'status=$?; clean; exit $status' EXIT INT TERM
mkdir -p "$d/image" "$place/idle"
qemu-img create -q -f qcow2 -F qcow2 -b "$place/image/disk.qcow2" "$d/image/disk.qcow2"
given >"$d/definition.xml"
create_guest "$d" "$d/definition.xml" "$CPUS"
wait_for 90 virsh -q qemu-agent-command "$guest" '{"execute":"guest-ping"}' >/dev/null 2>&1 || fail "the idle application does not boot within 90 s"
busy_ns() { virsh -q domstats --vcpu "$guest" | sed -n 's/ *vcpu.0.time=//p'; }
# idle: less than a fifth of a processor in three seconds one after the other; one that never rests is taken after 40 s
quiet=0
for _ in $(seq 40); do
    before=$(busy_ns)
    sleep 1
    if [ $(($(busy_ns) - before)) -lt 200000000 ]; then quiet=$((quiet + 1)); else quiet=0; fi
    [ $quiet -lt 3 ] || break
done
virsh -q save "$guest" "$place/idle/unfinished-$BUILD" >/dev/null
chown root: "$place/idle/unfinished-$BUILD"
chmod 400 "$place/idle/unfinished-$BUILD"
mv "$place/idle/unfinished-$BUILD" "$place/idle/memory"
echo "bytes=$(tree_bytes "$place/idle")"
