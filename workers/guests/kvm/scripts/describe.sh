# The guest's definition as it really runs: after a live migration there is no other. Changes nothing. Arguments: service.
echo "definition=$(virsh -q dumpxml --migratable "$1" | base64 -w0)"
