# Remove the lock of work that has ended here. Arguments: the work.
forget_lock "$1"
