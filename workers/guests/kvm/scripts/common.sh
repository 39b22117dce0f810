# What the scripts of virtual machines share, behind what all scripts share (workers/scripts/common.sh).

# Bytes that QEMU holds for a guest: the pages that it ever used and did not give back.
guest_memory() { virsh -q dommemstat "$1" 2>/dev/null | awk '$1 == "rss" {kib = $2} END {printf "%.0f\n", kib * 1024}'; }

# Whether libvirt has a guest of this name that is not the service with this hardware address.
is_strangers_guest() { said=$(virsh -q dumpxml "$1" 2>/dev/null) && ! echo "$said" | grep -qiF "$2"; }

kvm_versions() {
    echo "qemu_version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n 's/.*version \([0-9.]*\).*/\1/p' | head -n1)"
    echo "libvirt_version=$(virsh --version 2>/dev/null)"
}

# kvm where a tiny guest really starts with it, tcg where not: a /dev/kvm that opens proves nothing. Found out once a boot.
acceleration() {
    known=/run/mec-acceleration
    kernel=$(find $MEC/layers/kvm/base -path '*/image/vmlinuz' 2>/dev/null | head -n1)
    if [ ! -s $known ] && [ -n "$kernel" ]; then
        found=tcg
        # without a root it panics at the end of its start, which is all that is asked of it
        if qemu_may_write /dev/kvm && timeout -k 1 20 qemu-system-x86_64 -accel kvm -cpu host -m 128 -nodefaults -display none -no-reboot \
            -kernel "$kernel" -append 'console=ttyS0 panic=-1' -serial stdio </dev/null 2>/dev/null | grep -q 'Kernel panic - not syncing: VFS'; then
            found=kvm
        fi
        echo $found >$known
    fi
    cat $known 2>/dev/null || true
}

# What libvirt says of a domain. Between a restart of libvirtd's and its first answer a few seconds may pass.
domain_state() {
    tries=100
    while ! said=$(virsh -q domstate --reason "$1" 2>&1); do
        case $said in *'failed to get domain'*) echo ABSENT && return ;; esac
        tries=$((tries - 1))
        [ $tries -gt 0 ] || fail "libvirt does not answer on this host: $said"
        sleep 0.05
    done
    case $said in
        # its memory was handed over to another host, and libvirt has not yet heard of its end there
        'paused (migrating)' | 'paused (post-migrating)' | 'paused (migration)') echo HANDED_OVER ;;
        running* | 'idle'*) echo RUNNING ;;
        paused* | pmsuspended*) echo FROZEN ;;
        crashed*) echo CRASHED ;;
        *) echo STOPPED ;;
    esac
}

domain_is_gone() { [ "$(domain_state "$1")" = ABSENT ]; }

# Whom QEMU runs as here, as numbers USER:GROUP: libvirt's own user, whatever libvirt's configuration says. Fails where there is none.
qemu_owner() { id libvirt-qemu >/dev/null 2>&1 && echo "$(id -u libvirt-qemu):$(id -g libvirt-qemu)"; }

# Whether QEMU, as it runs here, may write a file.
qemu_may_write() {
    if owner=$(qemu_owner); then setpriv "--reuid=${owner%:*}" "--regid=${owner#*:}" --init-groups test -w "$1"; else test -w "$1"; fi
}

# A guest's definition (standard input) with whom it runs as. Said in it, libvirt leaves the owners of files alone: guests share
# layers and kernels, whose digests know their owners.
confined() {
    if owner=$(qemu_owner); then
        sed "s|</domain>|<seclabel type='static' model='dac' relabel='no'><label>+${owner%:*}:+${owner#*:}</label></seclabel>&|"
    else
        cat
    fi
}

# Let QEMU at an instance's own files. What came from another host may hold no link, by which this would reach other files.
# Argument: its directory.
lend_to_qemu() {
    [ -z "$(find "$1" ! -type d ! -type f)" ] || fail "what arrived in $1 holds links or devices: migrate again"
    chmod 711 "$1" "$1/image"
    [ ! -d "$1/lower" ] || chmod -R a=rX "$1/lower"
    touch "$1/console.log"
    ! owner=$(qemu_owner) || chown "${owner%:*}" "$1/image/disk.qcow2" "$1/console.log"
}

# An image that came from another host may stand on this host's layers, or on the application that came inside its instance, and on
# no other file: its header could name another guest's disk. Argument: the image.
# Source: QEMU's docs/interop/qcow2.txt (from byte 8 where the other file's name is, from 16 its length, bit 2 of byte 79: external data).
stands_on_layers() {
    set -- "$1" "$(od -An -v -t u1 -w80 -N 80 "$1" | awk '
        $1 != 81 || $2 != 70 || $3 != 73 || $4 != 251 || $8 < 2 || ($8 > 2 && int($80 / 4) % 2) {print "-"; exit}
        {print (($13 * 256 + $14) * 256 + $15) * 256 + $16, (($17 * 256 + $18) * 256 + $19) * 256 + $20}
        END {if (!NR) print "-"}')"
    [ "$2" != - ] || fail "${1##*/} is no qcow2 image that holds its own data: migrate again"
    [ "${2%% *}" = 0 ] && return 0
    other=$(tail -c "+$((${2%% *} + 1))" "$1" | head -c "${2##* }")
    case $other in
        */../* | *[!A-Za-z0-9/._-]*) ;;
        "$MEC"/layers/kvm/*/image/disk.qcow2 | "${1%/*/*}/lower/disk.qcow2") return 0 ;;
    esac
    fail "the image that arrived stands on $other, which is no layer: look at its source"
}

# Where QEMU meets the memory or disk of a live migration, at both ends: in libvirt's directory, and with an end by which
# AppArmor's profile of the guest lets its QEMU make it. Arguments: migration, service, memory or disk.
live_socket() { echo "/run/libvirt/mec-$1/$3.tunnelmigrate.dest.$2"; }
open_live() {
    mkdir -p "$MEC/migrations/$1/live" "/run/libvirt/mec-$1"
    ! owner=$(qemu_owner) || chown "${owner%:*}" "/run/libvirt/mec-$1"
}

# End what listens for a live migration on its source, and remove its sockets, at either end. Argument: migration.
end_live() {
    if [ -e "$MEC/migrations/$1/live/listeners" ]; then
        while read -r pid; do
            # each leads a process group with all that it started; its number may be another process's by now
            ! grep -qsa "UNIX-LISTEN:[^,]*[/-]$1/" "/proc/$pid/cmdline" || kill -s TERM -- "-$pid" 2>/dev/null || true
        done <"$MEC/migrations/$1/live/listeners"
    fi
    rm -rf "$MEC/migrations/$1/live" "/run/libvirt/mec-$1"
}

# Start a guest on the processor that all given ones have in common, by libvirt's own calculation.
# Arguments: its directory, its definition with @CPU@ where the processor stands, processors (libvirt's XML).
create_guest() {
    type=$(sed -n "s/^<domain type='\(.*\)'>$/\1/p" "$2")
    echo "$3" >"$1/cpus.xml"
    cpu=$(virsh -q hypervisor-cpu-baseline --virttype "$type" "$1/cpus.xml" 2>"$1/start.log" | tr -d '\n') || true
    [ -n "$cpu" ] || fail "no processor model fits all hosts: $(tail -n1 "$1/start.log")"
    awk -v cpu="$cpu" '{if ($0 == "@CPU@") print cpu; else print}' "$2" | confined >"$1/domain.xml"
    rm "$2" "$1/cpus.xml"
    lend_to_qemu "$1"
    virsh -q create "$1/domain.xml" >"$1/start.log" 2>&1 || {
        cat "$1/start.log" >&2
        fail "the guest does not start: $(sed -n 's/^error: //p' "$1/start.log" | tail -n1)"
    }
}

# Let an instance's disk stand on the layer that it names: where that lies may differ between hosts. Argument: instance.
rebase() {
    [ -s "$1/backing" ] || return 0
    qemu-img rebase -u -F qcow2 -b "$(cat "$1/backing")" "$1/image/disk.qcow2"
}

# A guest's clock stood still while it was saved: its agent sets it to this host's, and the guest writes it to its RTC.
# An agent that does not answer is a problem to be told; the guest runs all the same.
set_guest_clock() {
    virsh -q qemu-agent-command --timeout 10 "$1" \
        "{\"execute\":\"guest-set-time\",\"arguments\":{\"time\":$(date +%s%N)}}" >/dev/null ||
        echo "problem=the clock of $1 was not corrected: its guest agent does not answer"
}

# What a host's check asks of every technology; lxc/scripts/common.sh says of each what it is.
facts_of_kvm() {
    # what carries the streams of a live migration; a host for containers alone needs none
    if command -v virsh >/dev/null && ! command -v socat >/dev/null; then missing="${missing:-} socat"; fi
    kvm_versions
    echo "acceleration=$(acceleration)"
    if command -v virsh >/dev/null && [ -n "$(acceleration)" ]; then
        type=$(acceleration | sed s/tcg/qemu/)
        echo "machine_type=$(qemu-system-x86_64 -machine help | sed -n 's/^q35 .*alias of \(pc-q35-[0-9.]*\).*/\1/p')"
        # the processor that libvirt would give a guest here; what guests get is what all hosts have in common
        cpu=$(virsh -q domcapabilities --virttype "$type" --machine q35 2>/dev/null | sed -n "/<mode name='host-model'/,/<\/mode>/p" | sed "s/<mode .*/<cpu mode='custom' match='exact'>/;s/<\/mode>/<\/cpu>/" | tr -d '\n')
        echo "cpu_kvm=$cpu"
        echo "cpu_model_kvm=$(echo "$cpu" | sed -n 's/.*<model[^>]*>\([^<]*\)<.*/\1/p')"
    fi
}
state_of_kvm() { [ ! -e "$INSTANCES/$1/image/disk.qcow2" ] || domain_state "$1"; }
memory_of_kvm() { guest_memory "$1"; }
layers_of_kvm() { find $MEC/layers/kvm -mindepth 3 -maxdepth 4 -type d -name image -prune 2>/dev/null || true; }
settle_layers_of_kvm() {
    # images that an earlier portal made for QEMU as root; their digests know their modes, and are taken anew
    find $MEC/layers/kvm -maxdepth 3 -type d ! -perm -001 -exec chmod a+x {} + 2>/dev/null || true
    find $MEC/layers/kvm -type d -name image ! -perm -005 2>/dev/null | while read -r image; do
        chmod -R a=rX "$image"
        rm -f "${image%/image}/digest"
    done
}
drop_incoming_of_kvm() { :; }
crash_log_of_kvm() {
    [ -e "$INSTANCES/$1/console.log" ] || return 0
    last_lines "$INSTANCES/$1/console.log" # a guest's last words
    tail -n 10 "/var/log/libvirt/qemu/$1.log" 2>/dev/null | cut -c1-400
    out_of_memory /machine-qemu
}
