# End the connection and forget the key. Arguments: migration.
keys=$MEC/migrations/$1/keys
[ -S "$keys/socket" ] && ssh -F none -S "$keys/socket" -O exit mec 2>/dev/null || true
end_live "$1"
end_rounds "$1"
give_back_cpu "$1"
rm -rf "$MEC/migrations/$1/rounds.pyz" "$MEC/migrations/$1/sent"
rm -rf "$keys"
rmdir "$MEC/migrations/$1" 2>/dev/null || true
forget_lock "migration-$1"
