# Lay out what came ahead: files with large holes. Arguments: migration, then for each part that has some its number and its place.
# What is given is the program holes.py.
received=$MEC/incoming/$1/files
shift
while [ $# -gt 0 ]; do
    python3 -I -c "$(given)" fill "$received/$2" "$received/holes/$1/files"
    shift 2
done
rm -rf --one-file-system "$received/holes"
