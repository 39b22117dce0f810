# QEMU tells the network by itself whenever a guest goes on; here it is only made sure that it does. Arguments: service, address.
[ "$(domain_state "$1")" = RUNNING ] || fail "$1 does not run here"
