# A fresh key for this migration, on the source. Arguments: migration.
keys=$MEC/migrations/$1/keys
# another portal's, which counted from one, too: a saved state of it must not be taken for this migration's
[ ! -e "$MEC/migrations/$1" ] || fail "there is something at $MEC/migrations/$1 already: look what it is, and remove it from this host's page"
mkdir -p "$keys"
rm -f "$keys/key" "$keys/key.pub"
ssh-keygen -q -t ed25519 -N '' -C "mec-migration-$1" -f "$keys/key"
echo "public_key=$(cut -d' ' -f1,2 "$keys/key.pub")"
