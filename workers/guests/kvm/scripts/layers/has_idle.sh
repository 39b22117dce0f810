# Whether the idle application's memory lies beside a layer. Arguments: layer (kvm/app/STORAGE/NAME).
[ -e "$MEC/layers/$1/idle/memory" ] && echo idle=yes || echo idle=no
