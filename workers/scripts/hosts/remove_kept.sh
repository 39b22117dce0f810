# Remove the saved state of an ended migration from its source. Arguments: migration.
rm -rf --one-file-system "${MEC:?}/migrations/${1:?}"
