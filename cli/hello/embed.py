#!/usr/bin/env python3
"""embed.py PROGRAM LIMIT OUT.c OUT.h - make the bytes of PROGRAM a C array, hello_program[].

Fails if PROGRAM is larger than LIMIT bytes: the array is part of carrier, which everybody installs.
"""
import os
import sys

PER_LINE = 16

HEADER = """/* hello_embedded.h - made by embed.py: the program of the image `hello`, as a static executable's bytes. */
#pragma once
#include <stddef.h>

extern const unsigned char hello_program[];
extern const size_t hello_program_len;
"""


def main(program, limit, out_c, out_h):
    with open(program, "rb") as f:
        data = f.read()
    if len(data) > int(limit):
        sys.exit(f"embed.py: '{program}' has {len(data)} bytes, {limit} are allowed: "
                 "see what made it grow (readelf -lS), then make it smaller")
    if data[:4] != b"\x7fELF":
        sys.exit(f"embed.py: '{program}' is not an ELF executable")

    lines = (data[i:i + PER_LINE] for i in range(0, len(data), PER_LINE))
    rows = "\n".join("\t" + " ".join(f"{byte:#04x}," for byte in line) for line in lines)
    with open(out_c, "w", encoding="ascii") as f:
        f.write(f'#include "{os.path.basename(out_h)}"\n\n'
                f"const unsigned char hello_program[{len(data)}] = {{\n{rows}\n}};\n"
                "const size_t hello_program_len = sizeof hello_program;\n")
    with open(out_h, "w", encoding="ascii") as f:
        f.write(HEADER)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
