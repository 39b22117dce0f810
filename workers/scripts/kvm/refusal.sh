# What the relay before this host's libvirt refused to the source of a live migration. Changes nothing. Arguments: migration.
echo "refused=$(tail -n1 "$MEC/incoming/$1/relay.log" 2>/dev/null || true)"
