# Nothing was made for this migration here: remove the trace of having looked. Arguments: migration.
rm -f "/run/mec-migration-$1.lock"
