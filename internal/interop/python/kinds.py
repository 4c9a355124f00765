"""Draws pictures of kinds that Go cannot encode, for the tests of internal/picture, and prints what they look like to ImageHash.

python kinds.py ../../picture/testdata > ../../picture/testdata/hashes.txt
"""

import os
import struct
import sys
from importlib.metadata import version

import imagehash
from PIL import Image

folder = sys.argv[1]
width, height = 60, 44


def wave(x, y):
    return (x * x // 9 + y * 3) % 256, (y * 5 + x * (y > 20) * 2) % 256, (200 if (x // 13 + y // 9) % 2 else x * 2) % 256


colour = Image.new("RGB", (width, height))
colour.putdata([wave(x, y) for y in range(height) for x in range(width)])
alpha = colour.copy()
alpha.putalpha(Image.linear_gradient("L").resize((width, height)))


def planar():
    """A TIFF whose colours are stored one after the other."""
    planes = [band.tobytes() for band in colour.split()]
    directory, entries = 8 + 3 * len(planes[0]), 10
    more = directory + 2 + 12 * entries + 4
    tags = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, more), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 3, more + 6), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 3, more + 18), (284, 3, 1, 2),
    ]
    return b"".join([
        struct.pack("<2sHI", b"II", 42, directory), *planes, struct.pack("<H", entries), *(struct.pack("<HHII", *t) for t in tags),
        struct.pack("<I3H3I3I", 0, 8, 8, 8, *(8 + i * len(planes[0]) for i in range(3)), *(len(p) for p in planes)),
    ])


def save(image, name, **options):
    image.save(os.path.join(folder, name), **options)


save(colour, "progressive.jpg", progressive=True, quality=90)
save(colour, "restarts.jpg", restart_marker_blocks=2)
save(colour, "rgb.jpg", keep_rgb=True)
save(colour.convert("CMYK"), "cmyk.jpg")
save(alpha.convert("LA"), "la.png")
save(colour.quantize(9), "transparent.png", transparency=3)
save(colour.quantize(9), "transparent.gif", transparency=3)
save(colour.convert("L"), "interlaced.gif", interlace=1)
save(colour, "lossy.webp", quality=80)
save(alpha, "lossy-alpha.webp", quality=80)
save(alpha, "lossless-alpha.webp", lossless=True)
save(colour, "moves.webp", save_all=True, append_images=[colour.rotate(90)])
for name in ("group3", "group4"):
    save(colour.convert("1"), name + ".tif", compression=name)
    save(colour.convert("1"), name + "-inverted.tif", compression=name, tiffinfo={262: 0})
save(colour, "lzw.tif", compression="tiff_lzw")
save(colour.convert("L"), "jpeg.tif", compression="jpeg")
save(colour, "big.tif", big_tiff=True)
save(alpha.convert("LA"), "la.tif", compression="tiff_lzw")
with open(os.path.join(folder, "planar.tif"), "wb") as f:
    f.write(planar())

print("#", ", ".join(f"{p} {version(p)}" for p in ("ImageHash", "pillow")))
for name in sorted(os.listdir(folder)):
    if not name.endswith(".txt"):
        with Image.open(os.path.join(folder, name)) as image:
            print(name, imagehash.phash(image))
