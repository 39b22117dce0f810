"""Frames in, frames with the faces framed out, over TCP.

Each message is a length (4 bytes, big-endian) and a JPEG; the answer is the same. Length 0 asks how things stand and is
answered "frames N asked M" without a length. Detection runs in a thread of its own, so that this is answered meanwhile.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy

LONGEST = 16_000_000
cv2.setNumThreads(1)
cv2.ocl.setUseOpenCL(False)
# beside OpenCV's Python wheel, or where Debian's package opencv-data puts them
CASCADES = cv2.data.haarcascades if hasattr(cv2, "data") else "/usr/share/opencv4/haarcascades/"
CASCADE = cv2.CascadeClassifier(CASCADES + "haarcascade_frontalface_default.xml")
detector = ThreadPoolExecutor(1)
frames = asked = 0


def frame_faces(jpeg: bytes) -> bytes | None:
    """The picture with a rectangle around each face; None when it is no picture."""
    picture = cv2.imdecode(numpy.frombuffer(jpeg, numpy.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return None
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    for x, y, width, height in CASCADE.detectMultiScale(grey, scaleFactor=1.2, minNeighbors=5):
        cv2.rectangle(picture, (x, y), (x + width, y + height), (0, 255, 0), 2)
    return cv2.imencode(".jpg", picture)[1].tobytes()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One client, until it goes away or sends what is no picture."""
    global frames, asked
    try:
        while length := await reader.readexactly(4):
            if length == bytes(4):
                asked += 1
                writer.write(b"frames %d asked %d" % (frames, asked))
            else:
                if (size := int.from_bytes(length, "big")) > LONGEST:
                    break
                jpeg = await reader.readexactly(size)
                answer = await asyncio.get_running_loop().run_in_executor(detector, frame_faces, jpeg)
                if answer is None:
                    break
                frames += 1
                writer.write(len(answer).to_bytes(4, "big") + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "0.0.0.0", 7001)
    await server.serve_forever()


asyncio.run(main())
