# Bytes of memory that a service holds now. Arguments: service.
echo "bytes=$(guest_memory "$1")"
