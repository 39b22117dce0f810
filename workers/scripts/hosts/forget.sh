# Remove the lock of work that has ended here. Arguments: the work.
rm -f "/run/mec-$1.lock"
