# Give this host's backhaul another bandwidth, and remember what it had. Arguments: backhaul address, Mbit/s.
BACKHAUL=$1 MBIT=$2
interface=$(interface_of "$BACKHAUL")
[ -n "$interface" ] || fail "no interface has the backhaul address $BACKHAUL"
kept=/run/mec-link-before
if [ ! -e $kept ]; then
    before=$(tc qdisc show dev "$interface" root | head -n1)
    case $before in
        'qdisc tbf '*) echo "tbf ${before#* refcnt * }" >$kept ;;
        '' | 'qdisc noqueue '* | 'qdisc fq_codel '* | 'qdisc pfifo_fast '* | 'qdisc mq '* | 'qdisc fq '*) echo default >$kept ;;
        *) fail "the backhaul $interface has a queue of its own (${before#qdisc }): remove it for the time of the experiment" ;;
    esac
fi
# five milliseconds of traffic at once, and never less than a few frames
burst=$((MBIT * 1000000 / 8 / 200))
[ $burst -ge 16000 ] || burst=16000
tc qdisc replace dev "$interface" root tbf rate "${MBIT}mbit" burst "$burst" latency 100ms
