# The place of an archive that the portal sends: made before it comes, removed when it does not. Arguments: mark of the build, make or
# remove.
rm -rf --one-file-system "$MEC/incoming/$1"
[ "$2" = remove ] || mkdir -p "$MEC/incoming/$1"
