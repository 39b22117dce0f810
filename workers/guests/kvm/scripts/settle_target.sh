# Correct the guest's clock, and forget what only the migration needed, once it runs here. Arguments: migration, service.
d=$INSTANCES/$2
[ "$(cat "$d/migration" 2>/dev/null)" = "$1" ] || exit 0
rm -rf "$d/saved" "$d/restore.log"
set_guest_clock "$2"
