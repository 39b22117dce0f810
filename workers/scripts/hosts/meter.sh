# A running count of the bytes sent on the backhaul, a line each tenth of a second. Arguments: interface.
counter=/sys/class/net/$1/statistics/tx_bytes
while read -r sent <"$counter"; do
    echo "$sent" || exit 0
    sleep 0.1
done
