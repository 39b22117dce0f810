# Bytes of memory that a service holds now. Arguments: service.
echo "bytes=$(memory_of_oci "$1")"
