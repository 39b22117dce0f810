"""Makes /srv/film.ts: two minutes of moving bands and noise, encoded by VLC as MPEG-2 video, cut to 50 MB of whole packets."""

# ruff: noqa: PTH101, PTH107, PTH123, PTH202 - runs on a container's smallest Python
import os
import random
import subprocess

WIDTH, HEIGHT, FRAMES_A_SECOND, SECONDS = 384, 216, 25, 112
FILM, RAW = "/srv/film.ts", "/srv/film.i420"
PACKET = 188
BYTES = 50_000_000 // PACKET * PACKET
PLANE = WIDTH * HEIGHT

chance = random.Random(2)
# a picture is a window into this; what moves and is noisy takes the encoder all the bits it may use
noise = bytes(128 + level // 4 for level in chance.randbytes(2 * PLANE))
bands = bytes((row * 2) & 0xFF for row in range(2 * HEIGHT) for _ in range(WIDTH))
with open(RAW, "wb") as raw:
    for frame in range(FRAMES_A_SECOND * SECONDS):
        top = frame % HEIGHT * WIDTH
        start = chance.randrange(PLANE)
        half = PLANE // 2
        raw.write(bands[top : top + half] + noise[start : start + half])
        raw.write(bytes([frame & 0xFF]) * (PLANE // 4) + bytes([frame * 3 & 0xFF]) * (PLANE // 4))
os.chmod("/srv", 0o777)  # VLC does not run as root
words = f"vlc -I dummy --demux rawvid --rawvid-fps {FRAMES_A_SECOND} --rawvid-width {WIDTH} --rawvid-height {HEIGHT}"
encode = f"#transcode{{vcodec=mp2v,vb=4000}}:std{{access=file,mux=ts,dst={FILM}}}"
user = "setpriv --reuid=games --regid=games --init-groups"
read = [*words.split(), "--rawvid-chroma", "I420", RAW]
subprocess.run([*user.split(), "env", "HOME=/tmp", *read, "--sout", encode, "vlc://quit"], check=True)
os.chmod("/srv", 0o755)
os.remove(RAW)
os.chown(FILM, 0, 0)
if os.path.getsize(FILM) < BYTES:
    raise SystemExit(f"the film is only {os.path.getsize(FILM)} bytes long")
os.truncate(FILM, BYTES)
