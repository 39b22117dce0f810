# A fresh key for this migration, on the source. Arguments: migration.
keys=$MEC/migrations/$1/keys
mkdir -p "$keys"
rm -f "$keys/key" "$keys/key.pub"
ssh-keygen -q -t ed25519 -N '' -C "mec-migration-$1" -f "$keys/key"
echo "public_key=$(cut -d' ' -f1,2 "$keys/key.pub")"
