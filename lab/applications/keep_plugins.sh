# Leaves VLC only the plugins that streaming a film needs. It otherwise loads some 70 of them, with 230 libraries, to see
# which fits, and all that they write into memory has to travel: four times as much. cache_read alone keeps megabytes
# of the film, which lies in the layer anyway.
set -eu
cd /usr/lib/x86_64-linux-gnu/vlc/plugins
find . -name '*_plugin.so' |
    grep -v -e /libfilesystem_ -e /libts_ -e /libpacketizer_mpegvideo_ -e /libmux_ts_ \
        -e /libstream_out_gather_ -e /libstream_out_rtp_ -e /libdummy_ |
    xargs rm
rm plugins.dat
../vlc-cache-gen .
