# What this host has of a service, in whatever state. Changes nothing. Arguments: service, its hardware address.
SERVICE=$1 OWNER=$2
if ! command -v virsh >/dev/null; then
    echo state=ABSENT
elif is_strangers_guest "$SERVICE" "$OWNER"; then
    echo state=ABSENT
    echo stranger=yes
else
    echo "state=$(domain_state "$SERVICE")"
fi
[ -e "$INSTANCES/$SERVICE" ] && echo instance=yes || echo instance=no
echo "owner=$(owner_of "$SERVICE")"
