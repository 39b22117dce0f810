# What the relay before this host's libvirt refused to the source of a live migration. Changes nothing. Arguments: migration.
echo "refused=$(grep -s '^the source asked for ' "$MEC/incoming/$1/relay.log" | tail -n1)"
