# Whether a guest's processor can be had here. Arguments: virtualization type, machine. The processor is given as text.
TYPE=$1 MACHINE=$2
file=$(mktemp)
trap 'rm -f "$file"' EXIT
given >"$file"
virsh -q hypervisor-cpu-compare --error --virttype "$TYPE" --machine "$MACHINE" "$file" 2>&1 >/dev/null | sed -n 's/^error: //p' | tail -n1 | sed 's/^/lacks=/'
