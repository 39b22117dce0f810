# The last that was written about an instance that ended: by itself, by its technology, and by the kernel where it was out of memory.
# Changes nothing. Arguments: service.
SERVICE=$1
{
    for technology in $TECHNOLOGIES; do "crash_log_of_$technology" "$SERVICE"; done
} | awk '{printf "line:%03d=%s\n", NR, $0}'
