"""Asks plyfile about a PLY file: prints its comments and properties, and writes the splats as rows, see judge.mjs."""

import sys

import numpy
from plyfile import PlyData

_, path, output = sys.argv
ply = PlyData.read(path)
for comment in ply.comments:
    print("comment", comment)
for element in ply.elements:
    for found in element.properties:
        print(element.name, element.count, found.name, found.val_dtype)
vertex = ply["vertex"]
per_channel = sum(found.name.startswith("f_rest_") for found in vertex.properties) // 3
names = ["x", "y", "z", "rot_0", "rot_1", "rot_2", "rot_3", "scale_0", "scale_1", "scale_2", "opacity"]
names += ["f_dc_0", "f_dc_1", "f_dc_2"]
# All of red, then green, then blue in the file; coefficient by coefficient in rows.
names += [f"f_rest_{channel * per_channel + k}" for k in range(per_channel) for channel in range(3)]
numpy.stack([vertex[name] for name in names], axis=1).astype("<f4").tofile(output)
