# Build an application layer on this host, idle, over the base: nothing is booted.
# Arguments: layer, base, storage, mark that names this build, python packages (space separated), debian packages.
LAYER=$1 BASE=$2 STORAGE=$3 BUILD=$4 PYTHON=$5 DEBIAN=$6
work=$MEC/incoming/$BUILD
root=$work/root
base=$LAYERS/base/$BASE/$CONTENT
place=$LAYERS/app/$STORAGE/$LAYER
[ -d "$base" ] || fail "the base layer $BASE ($TECHNOLOGIES) is not on this host: provision it first"
[ -d "$place" ] && { layer_facts "$place"; exit 0; }

clean() {
    umount -R "$root/proc" "$root/dev/null" "$root/etc/resolv.conf" 2>/dev/null || true
    while mountpoint -q "$root"; do umount -R "$root" 2>/dev/null || umount -l "$root"; done
    drop_build
    rm -rf --one-file-system "$work"
}
# shellcheck disable=SC2154
trap 'status=$?; clean; exit $status' EXIT INT TERM
clean
mkdir -p "$work/layer/$CONTENT" "$work/work" "$root"
chmod 711 "$MEC/incoming" "$work" "$work/layer"
open_layer "$work" "$base"
mount --rbind /proc "$root/proc"
mount --make-rslave "$root/proc"
inside() { enter_layer "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
proxy=$(apt-config dump | sed -n 's/^Acquire::\(http\|https\)::Proxy "\(.*\)";$/Acquire::\1::Proxy=\2/p' | sed 's/^/-o /' | tr '\n' ' ')
if [ -n "$DEBIAN" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    inside apt-get $proxy -q update >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; fail "apt-get update failed: does this host reach a Debian mirror?"; }
    # no file is forced to disk on its own: a layer that is not finished is thrown away
    inside apt-get $proxy -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io install $DEBIAN >"$work/log" 2>&1 || { tail -n 60 "$work/log" >&2; fail "the Debian packages could not be installed: $(grep -m1 '^E:' "$work/log")"; }
    inside apt-get clean
    rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/log/apt "$root"/var/log/dpkg.log
fi
if [ -n "$PYTHON" ]; then
    command -v pip3 >/dev/null || fail "pip3 is missing on this host: apt-get install python3-pip"
    version=$(inside python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "the layer has no python3: add it to debian_packages"
    pip3 install -q --no-compile --only-binary :all: --python-version "$version" --target "$work/python" $PYTHON >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; fail "the Python packages could not be installed: $(grep -m1 ERROR "$work/log")"; }
    mkdir -p "$root/usr/local/lib/python$version/dist-packages"
    cp -a "$work/python/." "$root/usr/local/lib/python$version/dist-packages/"
    chown -R --reference="$root/usr/local" "$root/usr/local/lib/python$version"
    chmod -R u=rwX,go=rX "$root/usr/local/lib/python$version"
fi
# files of the recipe and its build commands, as the portal wrote them
umask 022
given >"$work/recipe.sh"
. "$work/recipe.sh"
umask 077
umount -R "$root/proc"
close_layer "$work" "$base"
keep_built "$work" "$place"
