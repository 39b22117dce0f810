# QEMU's own migration, watched: a line twice a second, one when the guest stops here, one at the end. The guest arrives paused:
# libvirt resumes it at the source when the answer of its last phase (Finish) is lost, so it must not run at the target by then.
# Arguments: migration, service, the target's access bridge, backhaul interface, bandwidth (MiB/s), downtime limit (ms),
# --auto-converge or nothing.
ID=$1 SERVICE=$2 BRIDGE=$3 INTERFACE=$4 BANDWIDTH=$5 DOWNTIME=$6 CONVERGE=${7:-}
live=$MEC/migrations/$ID/live
before=$(sent_bytes "$INTERFACE")
say() { echo "$1bytes_on_wire=$(($(sent_bytes "$INTERFACE") - before))"; }
# a worker that dies takes nobody with it: libvirt goes on, and the next worker ends it or finds it done
trap '' PIPE HUP
qemu=$(cat "/run/libvirt/qemu/$SERVICE.pid" 2>/dev/null || true)
virsh -q dumpxml --migratable "$SERVICE" | sed "s|<source bridge='[^']*'/>|<source bridge='$BRIDGE'/>|" >"$live/domain.xml"
virsh -q migrate-setmaxdowntime "$SERVICE" "$DOWNTIME"
virsh -q event "$SERVICE" --event lifecycle --loop >"$live/events" 2>/dev/null </dev/null &
watching=$!
trap 'kill $watching 2>/dev/null || true' EXIT
# A little less than the link carries, and one connection: what waits in buffers when the guest stops (OpenSSH holds 2 MB for
# each channel), its user waits for
virsh -q migrate --live --suspend --p2p --copy-storage-inc --migrate-disks vda --parallel --parallel-connections 1 --comp-methods zstd \
    --comp-zstd-level 1 --bandwidth "$BANDWIDTH" $CONVERGE --xml "$live/domain.xml" --migrateuri "unix://$(live_socket "$ID" "$SERVICE" memory)" \
    --disks-uri "unix://$(live_socket "$ID" "$SERVICE" disk)" \
    "$SERVICE" "qemu+unix:///system?socket=$live/libvirt" >"$live/log" 2>&1 </dev/null &
job=$!
stopped() { grep -q 'Suspended' "$live/events" 2>/dev/null; }
tick=0
while kill -0 $job 2>/dev/null && ! stopped; do
    if [ $((tick % 10)) = 0 ]; then
        said=$(virsh -q domjobinfo --rawstats "$SERVICE" 2>/dev/null | awk -F': ' '/_/ {printf "%s=%s;", $1, $2}' || true)
        [ -z "$said" ] || say "$said"
    fi
    tick=$((tick + 1))
    sleep 0.05
done
if kill -0 $job 2>/dev/null; then say "switching=yes;"; fi
# Once QEMU has ended here, nothing can resume the guest at the source any more. libvirt ends it when the target has all of it, and
# looks only each 200 ms whether it has: the user waits for that. Whether the target has all of it, the target says.
while [ -n "$qemu" ] && kill -0 $job 2>/dev/null; do
    if ! kill -0 "$qemu" 2>/dev/null; then
        say "ended=yes;"
        wait $job || true
        exit 0
    fi
    sleep 0.01
done
if wait $job; then
    stopped || say "switching=yes;"
    say "ended=yes;"
else
    say "failed=$(sed -n 's/^error: //p' "$live/log" | tail -n1 | tr ';\n' ', ');"
fi
