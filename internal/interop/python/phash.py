"""Prints the names and hashes of pictures, which come as lines of JSON (internal/phash/phashtest), and first the versions that made them."""

import base64
import json
import sys
from importlib.metadata import version

import imagehash
from PIL import Image

print("#", ", ".join(f"{p} {version(p)}" for p in ("ImageHash", "pillow", "numpy", "scipy")))
for line in sys.stdin:
    p = json.loads(line)
    image = Image.frombytes(p["Mode"], (p["Width"], p["Height"]), base64.b64decode(p["Pixels"]), "raw", p["RawMode"])
    if "Palette" in p:
        image.putpalette(base64.b64decode(p["Palette"]))
    print(p["Name"], imagehash.phash(image))
