#!/bin/sh
# Makes this machine a host of MEC Portal, checks that it is one, or takes all of that away again (docs/hosts.md).
# For Debian 13; Debian 12 and Ubuntu 24.04 as far as their packages go. Running it again changes nothing.
set -eu
umask 022
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

MEC=/var/lib/mec
# what this script changed, so that --remove takes back that and nothing else
KEPT=/etc/mec-host
UNIT=mec-networks.service
UNIT_FILE=/etc/systemd/system/$UNIT
FIREWALL=$KEPT/pass-bridge.sh
MODULES_FILE=/etc/modules-load.d/mec-host.conf
SUDOERS=/etc/sudoers.d/mec-host
SUBIDS=root:100000:65536
PACKAGES='lxc criu rsync openssh-server iproute2 iptables iputils-arping xxhash procps uidmap util-linux kmod debootstrap
    python3 python3-pip ca-certificates'
PACKAGES_FOR_MACHINES='qemu-system-x86 qemu-utils libvirt-daemon libvirt-daemon-system libvirt-daemon-driver-qemu
    libvirt-clients e2fsprogs socat'
PACKAGES_FOR_OCI='podman runc netavark'
# what CRIU asks the kernel by, and what the kernel says it has only once it is loaded
MODULES='overlay bridge veth nf_tables inet_diag tcp_diag udp_diag raw_diag unix_diag netlink_diag af_packet_diag tun'
MODULES_FOR_MACHINES='loop fuse'
STEPS='packages modules account key subids directories name networks machines'

ACCOUNT=root BRIDGE=br-access ACCESS_CARD='' BACKHAUL='' BACKHAUL_CARD='' MACHINES=no OCI=no KEY='' MODE=make
missing=0 changed=0

usage() {
    cat <<'END'
Usage: prepare-host.sh [options]       make this machine a host; says what it changes
       prepare-host.sh --check         change nothing; exit code 1 when something is missing
       prepare-host.sh --remove        take away all that it made

  --key FILE|KEY           the public half of the portal's key, a file or the line itself
  --user NAME              the portal's account: root (default), or one that is made and may use sudo without a password
  --bridge NAME            the bridge that services attach to (br-access); one that is there already is left as it is
  --access-card DEVICE     a network card on the users' network: becomes a port of the bridge
  --backhaul ADDRESS/BITS  this host's address on the network between hosts, given to ...
  --backhaul-card DEVICE   ... this network card; without both the host's own configuration is left as it is
  --machines               also what virtual machines need: libvirt and QEMU
  --oci                    also what OCI containers need: Podman and runc
  --help                   this text

Without options --check, --remove and a second run use those of the last run.
END
}

fail() { echo "prepare-host.sh: $*" >&2; exit 2; }
is_booted() { [ -d /run/systemd/system ]; }
kept() { cat "$KEPT/$1" 2>/dev/null || true; }

parse() {
    [ ! -e $KEPT/options ] || . $KEPT/options
    while [ $# -gt 0 ]; do
        case $1 in
            --key | --user | --bridge | --access-card | --backhaul | --backhaul-card) take "$1" "${2:-}" && shift ;;
            --machines) MACHINES=yes ;;
            --oci) OCI=yes ;;
            --check) MODE=check ;;
            --remove) MODE=remove ;;
            --help) usage && exit 0 ;;
            *) fail "there is no option $1; --help names all options" ;;
        esac
        shift
    done
    [ -n "$BACKHAUL" ] && [ -z "$BACKHAUL_CARD" ] && fail '--backhaul needs --backhaul-card: the card that gets the address'
    [ "$(id -u)" = 0 ] || fail 'run it as root'
    command -v apt-get >/dev/null || fail 'this system has no apt: use Debian 12 or 13, or Ubuntu 24.04'
}

take() {
    option=$1 value=$2
    [ -n "$value" ] || fail "$option needs a value; --help names all options"
    matches() { printf '%s\n' "$value" | grep -qxE "$1" || fail "$option $value: $2"; }
    case $option in
        --key)
            KEY=$value
            [ ! -f "$value" ] || KEY=$(cat "$value")
            echo "$KEY" | grep -qE '(ssh|ecdsa|sk)-[^ ]+ AAAA' || fail "--key: neither a file nor a public key"
            ;;
        --user) ACCOUNT=$value && matches '[a-z_][a-z0-9_-]{0,31}' 'not a name of an account' ;;
        --bridge) BRIDGE=$value && matches '[A-Za-z0-9_.-]{1,15}' 'not a name of an interface' ;;
        --access-card) ACCESS_CARD=$value && matches '[A-Za-z0-9_.-]{1,15}' 'not a name of an interface' ;;
        --backhaul-card) BACKHAUL_CARD=$value && matches '[A-Za-z0-9_.-]{1,15}' 'not a name of an interface' ;;
        --backhaul) BACKHAUL=$value && matches '[0-9a-fA-F.:]+/[0-9]{1,3}' 'give ADDRESS/BITS, for example 198.51.100.11/24' ;;
    esac
}

# One step: its name, with functions NAME_lacks (prints what is missing), NAME_make and NAME_remove.
step() {
    lacks=$("$1_lacks")
    [ -n "$lacks" ] || return 0
    [ $MODE = make ] || { echo "missing: $lacks" && missing=$((missing + 1)) && return 0; }
    echo "$lacks"
    "$1_make"
    changed=$((changed + 1))
}

wanted_packages() {
    echo $PACKAGES
    [ $MACHINES = no ] || echo $PACKAGES_FOR_MACHINES
    [ $OCI = no ] || echo $PACKAGES_FOR_OCI
    [ "$ACCOUNT" = root ] || echo sudo
}
lacking_packages() {
    # shellcheck disable=SC2046
    installed=$(dpkg-query -W -f '${Package} ${Status}\n' $(wanted_packages) 2>/dev/null | sed -n 's/ .* installed$//p')
    for package in $(wanted_packages); do echo "$installed" | grep -qx "$package" || echo "$package"; done
}
packages_lacks() { list=$(lacking_packages | tr '\n' ' ') && [ -z "$list" ] || echo "packages: $list"; }
packages_make() {
    apt-get -q update >/dev/null || fail 'apt-get update failed: fix the sources of apt, then run this again'
    for package in $(lacking_packages); do
        apt-cache policy "$package" | grep -q 'Candidate: [^(]' || fail "apt knows no package $package here; for CRIU" \
            'Ubuntu 24.04 needs the repository of the CRIU project: add-apt-repository ppa:criu/ppa'
    done
    dpkg-query -W -f '${Package}\n' | sort >$KEPT/before
    # shellcheck disable=SC2046
    apt-get -q -y --no-install-recommends install $(lacking_packages) >$KEPT/apt.log 2>&1 || {
        tail -n 20 $KEPT/apt.log >&2
        fail 'the packages could not be installed'
    }
    dpkg-query -W -f '${Package}\n' | sort | comm -13 $KEPT/before - >$KEPT/new
    sort -u $KEPT/new $KEPT/packages -o $KEPT/packages
    rm $KEPT/before $KEPT/new $KEPT/apt.log
}
# Only what this script installed, and of that only what nothing else has come to need since.
packages_remove() {
    [ -s $KEPT/packages ] || return 0
    # shellcheck disable=SC2046
    apt-mark -q auto $(kept packages) >/dev/null 2>&1 || true
    gone=$(apt-get -s -o APT::AutoRemove::SuggestsImportant=false autoremove | awk '$1 == "Remv" {print $2}' | sort | comm -12 - $KEPT/packages | tr '\n' ' ')
    [ -n "$gone" ] || return 0
    echo "removing packages: $gone"
    # the package of sudo refuses to go where root has no password, whoever else may come in
    SUDO_FORCE_REMOVE=yes apt-get -q -y purge $gone >/dev/null 2>&1 || fail "they could not be removed: apt-get purge $gone"
}

modules_of() {
    kernel=$(uname -r)
    is_booted || kernel=$(find /lib/modules -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -V | tail -n1)
    # one that is built in, or that this kernel does not have, is not named: systemd would report a failure at each start
    # shellcheck disable=SC2046
    { modinfo -k "$kernel" -F filename $MODULES $([ $MACHINES = no ] || echo $MODULES_FOR_MACHINES) 2>/dev/null || true; } |
        sed -n 's,.*/\([^/]*\)\.ko[^/]*$,\1,p' | tr - _
}
modules_lacks() {
    wanted=$(modules_of)
    [ "$(cat $MODULES_FILE 2>/dev/null)" = "$wanted" ] || { echo "kernel modules in $MODULES_FILE: $(echo "$wanted" | tr '\n' ' ')" && return 0; }
    is_booted || return 0
    for module in $wanted; do [ -d "/sys/module/$module" ] || unloaded="${unloaded:-}$module "; done
    [ -z "${unloaded:-}" ] || echo "kernel modules are not loaded: $unloaded"
}
modules_make() {
    modules_of >$MODULES_FILE
    ! is_booted || modules_of | xargs -r modprobe -a
}
modules_remove() { rm -f $MODULES_FILE; } # a loaded module harms nobody and is gone after the next start

account_lacks() {
    [ "$ACCOUNT" != root ] || return 0
    id "$ACCOUNT" >/dev/null 2>&1 || { echo "the account $ACCOUNT, with sudo without a password" && return 0; }
    [ "$(cat $SUDOERS 2>/dev/null)" = "$ACCOUNT ALL=(root) NOPASSWD: ALL" ] || echo "sudo without a password for $ACCOUNT"
}
account_make() {
    # a system account: others get subordinate ids, and containers want the first range
    id "$ACCOUNT" >/dev/null 2>&1 || {
        useradd --system --create-home --home-dir "/home/$ACCOUNT" --shell /bin/sh --password '*' "$ACCOUNT"
        echo "$ACCOUNT" >>$KEPT/accounts
    }
    echo "$ACCOUNT ALL=(root) NOPASSWD: ALL" >$KEPT/sudoers
    visudo -q -c -f $KEPT/sudoers || fail 'sudo refuses the line for the account'
    install -m 440 $KEPT/sudoers $SUDOERS
    rm $KEPT/sudoers
}
account_remove() {
    rm -f $SUDOERS
    for account in $(kept accounts); do userdel --remove "$account" 2>/dev/null || echo "left: the account $account, which is in use"; done
}

keys_of() { echo "$(getent passwd "$1" | cut -d: -f6)/.ssh/authorized_keys"; }
blob_of() { echo "$1" | grep -oE 'AAAA[^ ]+' | head -n1; }
key_lacks() {
    { kept keys; [ -z "$KEY" ] || echo "$ACCOUNT $(blob_of "$KEY")"; } | sort -u | while read -r account blob; do
        grep -qsF "$blob" "$(keys_of "$account")" || echo "the portal's key for $account"
    done
}
key_make() {
    file=$(keys_of "$ACCOUNT")
    [ -n "$KEY" ] || fail "the portal's key is gone from $file: give it again with --key"
    install -d -m 700 -o "$ACCOUNT" -g "$(id -g "$ACCOUNT")" "${file%/*}"
    echo "$KEY" >>"$file"
    chown "$ACCOUNT:" "$file"
    chmod 600 "$file"
    echo "$ACCOUNT $(blob_of "$KEY")" >>$KEPT/keys
}
key_remove() {
    kept keys | while read -r account blob; do
        file=$(keys_of "$account")
        [ -e "$file" ] || continue
        grep -vF "$blob" "$file" >$KEPT/left || true
        cat $KEPT/left >"$file"
    done
}

subids_lacks() { grep -qsx $SUBIDS /etc/subuid && grep -qsx $SUBIDS /etc/subgid || echo "subordinate ids of root for containers: $SUBIDS"; }
subids_make() {
    for file in /etc/subuid /etc/subgid; do
        grep -qsx $SUBIDS $file || { echo $SUBIDS >>$file && echo $file >>$KEPT/subids; }
    done
}
subids_remove() { for file in $(kept subids); do sed -i "/^$SUBIDS\$/d" "$file"; done; }

directories_lacks() { [ -d $MEC/layers ] && [ -d $MEC/instances ] && [ -d $MEC/incoming ] && [ -d $MEC/migrations ] || echo "directories below $MEC"; }
directories_make() {
    mkdir -p $MEC/layers $MEC/instances $MEC/incoming $MEC/migrations
    chmod 711 $MEC $MEC/layers $MEC/instances
    chmod 700 $MEC/incoming $MEC/migrations
}
directories_remove() { rm -rf --one-file-system $MEC /run/mec-fences; }

# sudo and others look the host's own name up: without this line they wait for DNS
name_lacks() {
    is_booted || return 0
    grep -qE "^[^#]*[[:space:]]$(hostname)([[:space:]]|\$)" /etc/hosts || echo "this host's own name in /etc/hosts"
}
name_make() { echo "127.0.1.1 $(hostname) # mec-host" >>/etc/hosts; }
name_remove() { sed -i '/ # mec-host$/d' /etc/hosts; }

# Docker and firewalls drop what is forwarded, and where br_netfilter is loaded that includes what only crosses the bridge. A packet
# has to be accepted in each chain that sees it, iptables' and those of nftables alone.
firewall_text() {
    cat <<'END'
#!/bin/sh
# Accepts what only crosses a bridge, or no longer. Arguments: allow or forget, bridge.
bridge=$2
rule="iifname \"$bridge\" oifname \"$bridge\" accept comment \"mec-host\""
chains() {
    nft list chains 2>/dev/null | awk '$1 == "table" {table = $2 " " $3} $1 == "chain" {chain = $2}
        /hook forward/ && table ~ /^(inet|ip|ip6) / && table " " chain !~ /^ip6? filter FORWARD$/ {print table, chain}'
}
case $1 in
    allow)
        iptables -w -C FORWARD -i "$bridge" -o "$bridge" -j ACCEPT 2>/dev/null ||
            iptables -w -I FORWARD -i "$bridge" -o "$bridge" -j ACCEPT
        chains | while read -r family table chain; do
            nft list chain "$family" "$table" "$chain" | grep -qF "$rule" || nft insert rule "$family" "$table" "$chain" "$rule"
        done
        ;;
    forget)
        iptables -w -D FORWARD -i "$bridge" -o "$bridge" -j ACCEPT
        chains | while read -r family table chain; do
            nft -a list chain "$family" "$table" "$chain" | sed -n "s/.*comment \"mec-host\" # handle //p" |
                while read -r handle; do nft delete rule "$family" "$table" "$chain" handle "$handle"; done
        done
        ;;
esac
END
}
# One unit, since each distribution has another way to configure networks. A bridge that somebody else made is left alone.
unit_text() {
    start() { echo "ExecStart=$1/bin/sh -c '$2'"; }
    stop() { echo "ExecStop=-/bin/sh -c '$1'"; }
    printf '# made by prepare-host.sh\n[Unit]\nDescription=Networks of MEC services\n'
    printf 'Wants=network-pre.target\nAfter=network-pre.target nftables.service firewalld.service\nBefore=ssh.service\n\n'
    printf '[Service]\nType=oneshot\nRemainAfterExit=yes\n'
    # a card may be found late, or get its name late
    for card in $ACCESS_CARD $BACKHAUL_CARD; do
        start - "timeout 60 sh -c \"until ip link show dev $card >/dev/null 2>&1; do sleep 0.2; done\""
    done
    start '' "ip link show dev $BRIDGE >/dev/null 2>&1 || ip link add $BRIDGE type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
    start '' "ip link set $BRIDGE up"
    [ -z "$ACCESS_CARD" ] || start '' "ip link set $ACCESS_CARD master $BRIDGE up"
    [ -z "$BACKHAUL" ] || start '' "ip address replace $BACKHAUL dev $BACKHAUL_CARD && ip link set $BACKHAUL_CARD up"
    printf 'ExecStart=-/bin/sh %s allow %s\nExecReload=-/bin/sh %s allow %s\n' $FIREWALL "$BRIDGE" $FIREWALL "$BRIDGE"
    stop "sh $FIREWALL forget $BRIDGE"
    [ -z "$BACKHAUL" ] || stop "ip address delete $BACKHAUL dev $BACKHAUL_CARD"
    # under running services it stays: one that is made anew would not have their cables
    stop "ip -o link show master $BRIDGE | grep -qv \": ${ACCESS_CARD:-none}[@:]\" || ip link delete $BRIDGE"
    printf '\n[Install]\nWantedBy=multi-user.target\n'
}
networks_lacks() {
    if [ ! -e $UNIT_FILE ] && is_booted && [ -z "$ACCESS_CARD$BACKHAUL" ] && ip link show dev "$BRIDGE" >/dev/null 2>&1; then
        return 0
    fi
    what="the bridge $BRIDGE${ACCESS_CARD:+ with the port $ACCESS_CARD}${BACKHAUL:+, $BACKHAUL on $BACKHAUL_CARD}"
    [ "$(cat $UNIT_FILE 2>/dev/null)" = "$(unit_text)" ] && [ "$(cat $FIREWALL 2>/dev/null)" = "$(firewall_text)" ] ||
        { echo "$what, by $UNIT_FILE" && return 0; }
    ! is_booted || ip link show dev "$BRIDGE" >/dev/null 2>&1 || echo "$what is not up"
}
# What the unit made may have another name now. That of an earlier script takes the bridge away from under running services.
networks_stop() {
    [ -e $UNIT_FILE ] && is_booted || return 0
    was=$(sed -n 's/.*ip link set \([^ ]*\) up.*/\1/p' $UNIT_FILE | head -n1)
    ports=$(ip -o link show master "$was" 2>/dev/null | sed 's/^[0-9]*: \([^@:]*\).*/\1/' | grep -vx "$(port_of_unit)" | tr '\n' ' ')
    if [ -n "$ports" ]; then
        [ "$was" = "$BRIDGE" ] || fail "services are attached to the bridge $was (${ports% }): move or stop them, then change it to $BRIDGE"
        [ "$(port_of_unit)" = "${ACCESS_CARD:-none}" ] || ip link set "$(port_of_unit)" nomaster 2>/dev/null || true
        sed -i '/^ExecStop=.*ip link delete /d' $UNIT_FILE
        systemctl daemon-reload
    fi
    systemctl -q stop $UNIT
}
port_of_unit() { sed -n "s/.*ip link set \([^ ]*\) master .*/\1/p" $UNIT_FILE | grep . || echo none; }
networks_make() {
    if [ -n "$ACCESS_CARD" ] && is_booted && ip -o addr show dev "$ACCESS_CARD" scope global 2>/dev/null | grep -q .; then
        fail "$ACCESS_CARD has an address: as a port of a bridge the host could not be reached by it; use another card, or make" \
            'the bridge yourself, move the address to it, and give only --bridge'
    fi
    networks_stop
    firewall_text >$FIREWALL
    unit_text >$UNIT_FILE
    systemctl -q enable $UNIT
    ! is_booted || { systemctl daemon-reload && systemctl restart $UNIT; } || fail "the networks do not come up: journalctl -u $UNIT"
}
networks_remove() {
    [ -e $UNIT_FILE ] || return 0
    ! is_booted || systemctl -q stop $UNIT
    systemctl -q disable $UNIT
    rm $UNIT_FILE
    ! is_booted || systemctl daemon-reload
}

# Hosts cloned from one disk need different numbers. An earlier version of this script let QEMU run as root and without AppArmor:
# QEMU reads the portal's images as libvirt's own user, and as its AppArmor profile lets it, so that goes again.
machines_lacks() {
    [ $MACHINES = yes ] || return 0
    ! grep -qs '^# mec-host$' /etc/libvirt/qemu.conf || { echo "QEMU as libvirt's own user again, in /etc/libvirt/qemu.conf" && return 0; }
    grep -qs '^host_uuid' /etc/libvirt/libvirtd.conf || echo "a number of this host's own for libvirt, in /etc/libvirt/libvirtd.conf"
}
machines_make() {
    sed -i '/^# mec-host$/,/^# mec-host end$/d' /etc/libvirt/qemu.conf
    grep -qs '^host_uuid' /etc/libvirt/libvirtd.conf ||
        printf '# mec-host\nhost_uuid = "%s"\n# mec-host end\n' "$(cat /proc/sys/kernel/random/uuid)" >>/etc/libvirt/libvirtd.conf
    systemctl -q enable libvirtd
    ! is_booted || systemctl restart libvirtd
}
machines_remove() {
    for file in /etc/libvirt/qemu.conf /etc/libvirt/libvirtd.conf; do
        [ ! -e $file ] || sed -i '/^# mec-host$/,/^# mec-host end$/d' $file
    done
}

make() {
    mkdir -p $KEPT
    touch $KEPT/packages
    for name in $STEPS; do step "$name"; done
    for name in ACCOUNT BRIDGE ACCESS_CARD BACKHAUL BACKHAUL_CARD MACHINES OCI; do eval "echo \"$name='\$$name'\""; done >$KEPT/options
    [ $changed -gt 0 ] || echo 'Nothing to change.'
    echo 'This host is prepared.'
}

check() {
    for name in $STEPS; do step "$name"; done
    [ $missing = 0 ] || { echo 'Run prepare-host.sh without --check to fix it.' && exit 1; }
    echo 'This host is prepared.'
}

remove() {
    [ -d $KEPT ] || { echo 'Nothing to remove: this host was not prepared by this script.' && return 0; }
    services=$(ls -m $MEC/instances 2>/dev/null || true)
    [ -z "$services" ] || fail "services are still here ($services): remove or move them with the portal first"
    for name in machines networks name directories subids key account modules; do
        echo "removing: $name"
        "${name}_remove"
    done
    packages_remove
    rm -rf $KEPT
    echo 'All of it is removed.'
}

# no program that it starts may read what ssh sends to `sh -s`: that is this script
parse "$@"
$MODE </dev/null
