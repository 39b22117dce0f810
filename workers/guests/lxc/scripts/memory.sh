# Bytes of memory that a service holds now. Arguments: service.
echo "bytes=$(container_memory "$1")"
