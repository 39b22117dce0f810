# Give this host's backhaul its own bandwidth back. Does nothing where it has it. Arguments: backhaul address.
interface=$(interface_of "$1")
kept=/run/mec-link-before
[ -e $kept ] || exit 0
before=$(cat $kept)
if [ "$before" = default ]; then
    tc qdisc del dev "$interface" root
else
    tc qdisc replace dev "$interface" root $before
fi
rm $kept
