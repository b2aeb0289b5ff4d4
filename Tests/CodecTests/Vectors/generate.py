#!/usr/bin/env python3
"""Writes the test vectors of docs/tile-format.md beside itself, from the text there and not with the library's code.

Each vector is a text file: the bytes of a payload in hexadecimal, `#` begins a comment that runs to the end of the line.
"""
import heapq
import os
import struct

FOLDER = os.path.dirname(os.path.abspath(__file__))
SKIP, ROWS, XOR, LEFT, GRADIENT, REFERENCE, ABOVE, MOVED, EXACT = 0, 1, 2, 3, 4, 5, 6, 7, 8
SIDE_IS_CODED, CODED = 1 << 25, 1 << 26
# In the modes of packed tiles: the first colour, and the third, is as it is.
FIRST, THIRD = 16, 32
TWICE, SIDE_IN_BLOCK, PACKED_IN_BLOCK, BLOCK_IS_STORED, STORED = 1 << 27, 1 << 28, 1 << 29, 1 << 30, 1 << 31

# Pixel format: bits of the components of a pixel from its lowest bit on, fields of a lane. Three bytes a pixel are coded as four.
FORMATS = {
    "rgba8": ([8, 8, 8, 8], "colour"), "rgb8": ([8, 8, 8], "colour"), "r8": ([8], "bytes"), "rg8": ([8, 8], "bytes"),
    "r16": ([16], "halves"), "rgba16": ([16] * 4, "halves"), "r32f": ([32], "words"), "rgba32f": ([32] * 4, "words"),
    "rgb10a2": ([10, 10, 10, 2], "10-10-10-2"), "depth24s8": ([8, 24], "depth and stencil"),
}
LANES = {
    "colour": [8] * 4, "bytes": [8] * 4, "halves": [16] * 2, "words": [32], "10-10-10-2": [10, 10, 10, 2],
    "depth and stencil": [8, 24],
}


def component(x, y, k, bits):
    """Component k of pixel (x, y) of every picture here; that of a reference is of pixel (x + 1, y + 2)."""
    value = 3 * x + 5 * y + 40 * k + (x * x + y * (k + 1)) % 5
    return value * (4099 if bits > 16 else 37 if bits > 10 else 1) % (1 << bits)


class Plane:
    """Rows of components; pixels of three bytes have a fourth component, 0."""

    def __init__(self, bits, fields, width, rows, dx=0, dy=0):
        self.bits, self.fields, self.width, self.height = bits, fields, width, rows
        self.coded = bits + [8] if len(bits) == 3 and fields == "colour" else bits
        make = lambda x, y, k: component(x, y, k, self.coded[k]) if k < len(bits) else 0
        self.rows = [[make(x + dx, y + dy, k) for x in range(width) for k in range(len(self.coded))]
                     for y in range(rows)]

    def bytes(self, y, first=0, last=None):
        """The bytes of pixels first to last of a row."""
        out = b""
        n = len(self.coded)
        for x in range(first, self.width if last is None else last):
            number, place = 0, 0
            for k, bits in enumerate(self.bits):
                number |= self.rows[y][n * x + k] << place
                place += bits
            out += number.to_bytes(place // 8, "little")
        return out


def zigzag(d, bits):
    d %= 1 << bits
    if d >= 1 << (bits - 1):
        d -= 1 << bits
    return 2 * d if d >= 0 else -2 * d - 1


def fields_of(fields, d, mode=0):
    """The four fields of a lane, each from −128 to 127 where they are signed and from 0 to 255 where not."""
    signed = lambda v: (v + 128) % 256 - 128
    if fields == "bytes":
        return [signed(v) for v in d]
    if fields == "colour":
        first, third = 0 if mode & FIRST else d[1], 0 if mode & THIRD else d[1]
        return [signed(d[0] - first), signed(d[1]), signed(d[2] - third), signed(d[3])]
    z = [zigzag(v, bits) for v, bits in zip(d, LANES[fields])]
    if fields == "halves":
        return [z[0] % 256, z[0] >> 8, z[1] % 256, z[1] >> 8]
    if fields == "words":
        return list(z[0].to_bytes(4, "little"))
    if fields == "10-10-10-2":
        return [z[0] % 256, z[1] % 256, z[2] % 256, z[0] >> 8 | z[1] >> 8 << 2 | z[2] >> 8 << 4 | z[3] << 6]
    return list(z[1].to_bytes(3, "little")) + [z[0]]


def width_of(field, signed):
    if not signed:
        return field.bit_length()
    return 0 if field == 0 else next(w for w in range(1, 9) if -(1 << w - 1) <= field < 1 << w - 1)


def lz4(data, matches=True):
    """An LZ4 block: runs of one byte become a match of offset 1, all else literals."""
    out, literals, at = b"", b"", 0

    def length(n):
        return b"" if n < 15 else b"\xff" * ((n - 15) // 255) + bytes([(n - 15) % 255])

    while at < len(data):
        run = 0
        # A match may not begin in the last 12 bytes or reach the last 5.
        while matches and at > 0 and at + 12 < len(data) and at + run < len(data) - 5 and data[at + run] == data[at - 1]:
            run += 1
        if run >= 8:
            out += bytes([min(len(literals), 15) << 4 | min(run - 4, 15)]) + length(len(literals)) + literals
            out += struct.pack("<H", 1) + length(run - 4)
            literals, at = b"", at + run
        else:
            literals, at = literals + data[at:at + 1], at + 1
    return out + bytes([min(len(literals), 15) << 4]) + length(len(literals)) + literals


ALPHABETS = {1: 256, 2: 256, 3: 64, 4: 256, 5: 32, 6: 64, 7: 128, 8: 256}
# The lanes whose fields share symbol 0 of a block, from the lowest bit on; symbol j has those j places further.
SHARED = {1: [0, 8, 4, 12, 2, 10, 6, 14], 2: [0, 8, 4, 12], 3: [0, 8], 4: [0, 8], 5: [0], 6: [0], 7: [0], 8: [0]}


def symbols_of(values, width):
    """The symbols of a field of a block's 16 lanes."""
    shared = SHARED[width]
    return [sum(values[j + lane] % (1 << width) << width * i for i, lane in enumerate(shared)) for j in range(16 // len(shared))]


def code_lengths(symbols, alphabet):
    """A length for each symbol, none above 11: those of a Huffman tree, or where that is too deep, of one of evened counts."""
    counts = [symbols.count(s) for s in range(alphabet)]
    while True:
        nodes = [(n, s, [s]) for s, n in enumerate(counts) if n]
        lengths = [0] * alphabet
        if len(nodes) == 1:
            lengths[nodes[0][1]] = 1
            return lengths
        heapq.heapify(nodes)
        while len(nodes) > 1:
            a, b = heapq.heappop(nodes), heapq.heappop(nodes)
            for s in a[2] + b[2]:
                lengths[s] += 1
            heapq.heappush(nodes, (a[0] + b[0], min(a[1], b[1]), a[2] + b[2]))
        if max(lengths) <= 11:
            return lengths
        counts = [n and n // 2 + 1 for n in counts]


def codes_of(lengths):
    """For each symbol its code as text, the first bit first."""
    codes, code, before = {}, 0, 0
    for length, symbol in sorted((n, s) for s, n in enumerate(lengths) if n):
        code <<= length - before
        before = length
        codes[symbol] = format(code, f"0{length}b")
        code += 1
    return codes


def huffman(symbols, alphabet, lengths=None, part_sizes=None, extra=b""):
    """A coded stream. The arguments behind say something else than the symbols come to; `extra` is added to part 2."""
    codes = codes_of(code_lengths(symbols, alphabet))
    lengths = lengths or code_lengths(symbols, alphabet)
    out = bytes(a | b << 4 for a, b in zip(lengths[::2], lengths[1::2]))
    parts = []
    for part in range(4):
        bits = "".join(codes[s] for s in symbols[part::4])
        bits += "1" * (-len(bits) % 8)
        parts.append(bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, len(bits), 8)))
    parts[2] += extra
    return out + struct.pack("<3I", *(part_sizes or [len(part) for part in parts[:3]])) + b"".join(parts)


class Strip:
    """Rows first to last of a plane, coded with the modes given, one a tile; `wide` makes widths larger than they need be."""

    def __init__(self, plane, reference, first, rows, modes, vectors=(), wide=True):
        self.plane, self.reference, self.first, self.count, self.modes = plane, reference, first, rows, modes
        self.vectors, self.wide = list(vectors), wide
        self.n, self.per_lane = len(plane.coded), len(LANES[plane.fields])
        self.signed = plane.fields in ("bytes", "colour")
        self.tile_pixels = 64 * self.per_lane // self.n
        self.across = -(-plane.width // self.tile_pixels)
        assert len(modes) == self.across * -(-rows // 16), (len(modes), self.across, rows)
        self.side = bytes(modes)
        self.packed, self.rows = b"", b""
        self.symbols = {}
        for tile_row in range(-(-rows // 16)):
            row_modes = modes[tile_row * self.across:(tile_row + 1) * self.across]
            for y in range(16 * tile_row, min(rows, 16 * tile_row + 16)):
                for tile, mode in enumerate(row_modes):
                    if mode in (ROWS, XOR):
                        span = tile * self.tile_pixels, min(plane.width, (tile + 1) * self.tile_pixels)
                        data = plane.bytes(first + y, *span)
                        if mode == XOR:
                            data = bytes(a ^ b for a, b in zip(data, reference.bytes(first + y, *span)))
                        self.rows += data
            for tile, mode in enumerate(row_modes):
                if mode == MOVED:
                    self.side += struct.pack("<hh", *self.vectors.pop(0))
                elif LEFT <= mode & 15 <= ABOVE:
                    self.pack(tile_row, tile, mode)

    # p, L, U and C of the document; i counts the components of a row.
    def p(self, i, y):
        return 0 if y < 0 else self.plane.rows[self.first + y][i]

    def left(self, i, y):
        return self.p(i - self.n, y) if i >= self.n else self.p(i, 4 * (y // 4) - 1)

    def corner(self, i, y):
        if y == 0:
            return 0
        if i >= self.n:
            return self.p(i - self.n, y - 1)
        return self.p(i, y - 1) if y % 16 == 0 else self.left(i, y - 1)

    def prediction(self, mode, i, y):
        mode &= 15
        if mode == LEFT:
            return self.left(i, y)
        if mode == GRADIENT:
            return self.left(i, y) + self.p(i, y - 1) - self.corner(i, y)
        return self.reference.rows[self.first + y][i] if mode == REFERENCE else self.p(i, y - 1)

    def pack(self, tile_row, tile, mode):
        rows = min(16, self.count - 16 * tile_row)
        blocks, widths = [], []
        for block in range(16 * -(-rows // 4)):
            lanes = []
            for y in range(16 * tile_row + block // 16 * 4, 16 * tile_row + block // 16 * 4 + 4):
                for lane in range(4):
                    i = (64 * tile + block % 16 * 4 + lane) * self.per_lane
                    # Outside of the picture differences mean nothing: here, they are not 0.
                    d = [1 + k if self.wide and block % 5 == 0 else 0 for k in range(self.per_lane)]
                    for k in range(self.per_lane):
                        if y < self.count and i + k < len(self.plane.rows[0]):
                            d[k] = self.p(i + k, y) - self.prediction(mode, i + k, y)
                    lanes.append(fields_of(self.plane.fields, d, mode))
            width = [max(width_of(lane[f], self.signed) for lane in lanes) for f in range(4)]
            if self.wide and block % 3 == 0:
                width = [min(8, w + (block * (f + 3) + block // 7) % (f + 2)) for f, w in enumerate(width)]
            blocks.append(lanes)
            widths.append(width)
        self.write_widths(widths)
        for lanes, width in zip(blocks, widths):
            for f, w in enumerate(width):
                if w:
                    self.symbols.setdefault((f, w), []).extend(symbols_of([lane[f] for lane in lanes], w))
            numbers = []
            for lane in lanes:
                number, place = 0, 0
                for field, w in zip(lane, width):
                    number |= field % (1 << w) << place
                    place += w
                numbers.append(number)
            total = sum(width)
            if total > 16:
                self.pack_block([v % 65536 for v in numbers], 16)
                self.pack_block([v >> 16 for v in numbers], total - 16)
            else:
                self.pack_block(numbers, total)

    def pack_block(self, numbers, bits):
        for half in range(2):
            a, b = half, half + 2
            order = [a, 4 + a, b, 4 + b, 8 + a, 12 + a, 8 + b, 12 + b]
            self.packed += sum(numbers[lane] << k * bits for k, lane in enumerate(order)).to_bytes(bits, "little")

    def write_widths(self, widths):
        smallest = [min(w[f] for w in widths) for f in range(4)]
        ranges = [max(w[f] for w in widths) - smallest[f] for f in range(4)]
        self.side += bytes(s | r << 4 for s, r in zip(smallest, ranges))
        for f in range(4):
            b = ranges[f].bit_length()
            for row in range(0, len(widths), 16):
                out = 0
                for i in range(16):
                    k, n = divmod(i, 4)
                    value = widths[row + i][f] - smallest[f]
                    one = 8 * (k % 2) + 4 * (n // 2) + 2 * (k // 2) + n % 2
                    if b == 1:
                        out |= value << one
                    elif b == 2:
                        out |= value << 2 * i
                    elif b == 3:
                        out |= value % 4 << 2 * i | value // 4 << 32 + one
                    elif b == 4:
                        out |= value << 32 * (n % 2) + 8 * k + 4 * (n // 2)
                self.side += out.to_bytes(2 * b, "little")

    def coded(self, stored=(), changed=None):
        """The coded streams. Those in `stored`, and those that do not become smaller, are their symbols; `changed` maps the coded ones
        to other bytes."""
        present, body = 0, b""
        for f, w in sorted(self.symbols):
            symbols = self.symbols[f, w]
            data = huffman(symbols, ALPHABETS[w])
            if (f, w) in stored or len(data) >= len(symbols):
                # Six bits of a symbol are needed at a width of 3, and w of them from 5 on; the others mean nothing.
                needed = {3: 6, 5: 5, 6: 6, 7: 7}.get(w, 8)
                data = bytes(s | (i << needed) % 256 for i, s in enumerate(symbols))
            elif changed:
                data = changed(data)
            present |= 1 << 8 * f + w - 1
            body += struct.pack("<II", len(symbols), len(data)) + data
        return struct.pack("<I", present) + body

    def pieces(self, flags=0, packed_size=None, block_size=None, side_size=None, block=None, extra=b"", coded=None):
        """The strip in labelled pieces, with `coded` streams in the place of the packed blocks if that is given."""
        content = (self.side if flags & SIDE_IN_BLOCK else b"") + self.rows
        content += self.packed if flags & PACKED_IN_BLOCK else b""
        if block is None:
            block = content if flags & BLOCK_IS_STORED or not content else lz4(content)
            if flags & TWICE:
                block = struct.pack("<I", len(block)) + lz4(block)
        size = lambda given, data: len(data) if given is None else given
        here = self.packed if coded is None else coded
        flags |= 0 if coded is None else CODED
        out = [("packed size and flags", struct.pack("<I", size(packed_size, here) | flags)),
               ("size of the block", struct.pack("<I", size(block_size, block))),
               ("size of the side information", struct.pack("<I", size(side_size, self.side)))]
        if not flags & PACKED_IN_BLOCK:
            out.append(("packed blocks" if coded is None else "coded streams", here))
        out.append(("LZ4 block", block))
        if flags & SIDE_IS_CODED:
            out.append(("coded side information", huffman(list(self.side), 256)))
        elif not flags & SIDE_IN_BLOCK:
            out.append(("side information", self.side))
        return out + [("too much", extra)]


def stored(plane, first, rows):
    data = b"".join(plane.bytes(first + y) for y in range(rows))
    return [("stored", struct.pack("<I", STORED)), ("rows", data)]


def write(name, text, strips, magic=0x184D2A5E, extra_size=0, sizes=None):
    bodies = [b"".join(data for _, data in strip) for strip in strips]
    sizes = sizes or [len(body) for body in bodies]
    total = 4 * len(sizes) + sum(len(body) for body in bodies)
    pieces = [("magic of the skippable frame", struct.pack("<I", magic)), ("its size", struct.pack("<I", total + extra_size)),
              ("sizes of the strips", struct.pack(f"<{len(sizes)}I", *sizes))]
    for index, strip in enumerate(strips):
        pieces += [(f"strip {index}: {label}", data) for label, data in strip]
    lines = [f"# {text}"]
    for label, data in pieces:
        for i in range(0, len(data), 32):
            lines.append(data[i:i + 32].hex(" ").ljust(96) + (f"# {label}" if i == 0 else ""))
    with open(os.path.join(FOLDER, name + ".hex"), "w") as file:
        file.write("\n".join(line.rstrip() for line in lines) + "\n")


def planes(name, width, height, **offset):
    if name == "nv12":
        half = (width + 1) // 2, (height + 1) // 2
        return [Plane([8], "bytes", width, height, **offset), Plane([8, 8], "bytes", *half, **offset)]
    if name == "i420":
        half = (width + 1) // 2, (height + 1) // 2
        return [Plane([8], "bytes", width, height, **offset)] + [Plane([8], "bytes", *half, **offset) for _ in "uv"]
    return [Plane(*FORMATS[name], width, height, **offset)]


def packed_formats():
    """A tile and a bit across, almost two down, so that predictors cross tiles."""
    for name, (bits, fields) in FORMATS.items():
        pixel = 32 if len(bits) == 3 and fields == "colour" else sum(bits)
        width = 2048 // pixel + {8: 5, 16: 3}.get(pixel, 2)
        plane = Plane(bits, fields, width, 30)
        reference = Plane(bits, fields, width, 30, dx=1, dy=2)
        strip = Strip(plane, None, 0, 30, [LEFT, GRADIENT, GRADIENT, ABOVE], wide=False)
        write(f"packed-{name}", f"{width} x 30 {name} in a strip of 32 rows", [strip.pieces(SIDE_IN_BLOCK)])
        strip = Strip(plane, reference, 0, 30, [GRADIENT, REFERENCE, ABOVE, LEFT])
        write(f"packed-{name}-reference", f"{width} x 30 {name} in a strip of 32 rows, with a reference",
              [strip.pieces(PACKED_IN_BLOCK)])


def flat(width, height, value=7):
    plane = Plane([8, 8, 8, 8], "colour", width, height)
    plane.rows = [[value] * (4 * width) for _ in range(height)]
    return plane


packed_formats()

rgba, old = planes("rgba8", 65, 20)[0], planes("rgba8", 65, 20, dx=1, dy=2)[0]
low, low_old = planes("rgba8", 140, 6)[0], planes("rgba8", 140, 6, dx=1, dy=2)[0]
write("stored", "65 x 5 rgba8, one stored strip", [stored(planes("rgba8", 65, 5)[0], 0, 5)])
write("unchanged", "65 x 18 rgba8 in strips of 16 rows, both equal to the reference", [[], []])
write("rows", "140 x 6 rgba8: rows, packed, rows", [Strip(low, None, 0, 6, [ROWS, GRADIENT, ROWS], wide=False).pieces()])
write("rows-reference", "140 x 6 rgba8 with a reference: packed, rows exclusive-ored, rows; the block is not compressed",
      [Strip(low, low_old, 0, 6, [LEFT, XOR, ROWS], wide=False).pieces(SIDE_IN_BLOCK | BLOCK_IS_STORED)])
write("moved", "65 x 20 rgba8 in strips of 16 rows, with a reference: the last tile is 1 pixel to the left and 2 rows above",
      [Strip(rgba, old, 0, 16, [LEFT, ABOVE], wide=False).pieces(),
       Strip(rgba, old, 16, 4, [GRADIENT, MOVED], vectors=[(-1, -2)], wide=False).pieces()])
write("skip-and-exact", "70 x 20 rgba8 of bytes 7, the reference too: rows, exact left; exact above, skip",
      [Strip(flat(70, 20), flat(70, 20), 0, 20, [ROWS, EXACT | LEFT, EXACT | ABOVE, SKIP]).pieces()])
write("exact-reference", "70 x 20 rgba8 of bytes 7, the reference too: exact reference, exact gradient; both the other way round",
      [Strip(flat(70, 20), flat(70, 20), 0, 20, [EXACT | m for m in (REFERENCE, GRADIENT, GRADIENT, REFERENCE)]).pieces()])
write("twice", "70 x 20 rgba8 of bytes 7: rows in an LZ4 block that is compressed twice",
      [Strip(flat(70, 20), None, 0, 20, [ROWS] * 4).pieces(TWICE)])
colors = planes("rgba8", 66, 30)[0]
write("colors", "66 x 30 rgba8 in a strip of 32 rows: the first colour as it is, the third, both, the first",
      [Strip(colors, None, 0, 30, [LEFT | FIRST, GRADIENT | THIRD, GRADIENT | FIRST | THIRD, ABOVE | FIRST], wide=False).pieces()])
colors, old_colors = planes("rgb8", 66, 30)[0], planes("rgb8", 66, 30, dx=1, dy=2)[0]
write("colors-reference", "66 x 30 rgb8 in a strip of 32 rows, with a reference: both colours as they are, the third, the first, none",
      [Strip(colors, old_colors, 0, 30, [REFERENCE | FIRST | THIRD, LEFT | THIRD, REFERENCE | FIRST, GRADIENT]).pieces()])
for name in ("nv12", "i420"):
    strips = [Strip(plane, None, 0, plane.height, [GRADIENT, LEFT] if plane.height > 16 else [ABOVE], wide=False).pieces()
              for plane in planes(name, 67, 21)]
    write(f"packed-{name}", f"67 x 21 {name} in strips of 32 rows", strips)
write("small", "1 x 1 r8, one stored strip", [stored(Plane([8], "bytes", 1, 1), 0, 1)])

strip = Strip(planes("rgba8", 66, 19)[0], None, 0, 19, [LEFT, GRADIENT, GRADIENT, ABOVE])
write("huffman-rgba8", "66 x 19 rgba8 in a strip of 32 rows: all widths; streams that become smaller are coded, but not field 1 of 4 bits",
      [strip.pieces(SIDE_IN_BLOCK, coded=strip.coded(stored=[(1, 4)]))])
strip = Strip(planes("rgb8", 66, 19)[0], None, 0, 19, [LEFT | FIRST, GRADIENT | THIRD, GRADIENT | FIRST | THIRD, ABOVE])
write("huffman-colors", "66 x 19 rgb8 in a strip of 32 rows: colours that are not differences", [strip.pieces(coded=strip.coded())])
strip = Strip(planes("rgba8", 66, 19)[0], None, 0, 19, [GRADIENT, LEFT, ROWS, LEFT | FIRST])
write("huffman-side", "66 x 19 rgba8 in a strip of 32 rows: coded side information", [strip.pieces(SIDE_IS_CODED, coded=strip.coded())])
strip = Strip(planes("r16", 131, 15)[0], planes("r16", 131, 15, dx=1, dy=2)[0], 0, 15, [REFERENCE, GRADIENT])
write("huffman-r16-reference", "131 x 15 r16 in a strip of 32 rows, with a reference", [strip.pieces(coded=strip.coded())])
strip = Strip(flat(128, 16), flat(128, 16, 8), 0, 16, [REFERENCE, REFERENCE], wide=False)
write("huffman-single", "128 x 16 rgba8 of bytes 7, the reference of bytes 8: two streams of one symbol, whose bits are any",
      [strip.pieces(coded=strip.coded(changed=lambda data: data[:-32] + bytes(37 * i % 256 for i in range(32))))])

# What must be refused; 64 x 32 rgba8 of bytes 7 in strips of 16 rows, the first of which is good.
GOOD = Strip(flat(64, 32), None, 0, 16, [ROWS]).pieces()
GOOD_SIZE = sum(len(data) for _, data in GOOD)


def bad(name, text, strip, **options):
    write("bad-" + name, text, [GOOD, strip], **options)


row_strip = lambda modes=(ROWS,), **k: Strip(flat(64, 32), flat(64, 32), 16, 16, list(modes), **k)
bad("magic", "another magic", GOOD, magic=0x184D2A5F)
bad("size", "a size that is not that of the payload", GOOD, extra_size=1)
bad("strip-size", "the second strip reaches past the end", GOOD, sizes=[GOOD_SIZE, 1000000])
bad("left-over", "a byte behind the last strip", GOOD, sizes=[GOOD_SIZE, GOOD_SIZE - 1])
bad("no-reference", "a strip of no bytes without a reference", [])
bad("skip", "a skipped tile without a reference", row_strip([SKIP]).pieces())
bad("mode", "an unknown mode", row_strip([9]).pieces())
bad("colors", "a tile that is exact with a colour that is no difference", row_strip([EXACT | LEFT | FIRST]).pieces())
bad("widths", "a width of 9", [("packed size and flags", struct.pack("<I", 0)), ("size of the block", struct.pack("<I", 0)),
                              ("size of the side information", struct.pack("<I", 5)), ("side information", bytes([LEFT, 9, 0, 0, 0]))])
bad("block", "an LZ4 block that is noise", row_strip().pieces(block=bytes(range(255, 200, -3))))
bad("rows", "rows of a tile are missing", row_strip([ROWS]).pieces(BLOCK_IS_STORED, block=bytes(20)))
bad("packed-size", "packed blocks of more bytes than the strip", row_strip().pieces(packed_size=4097))
bad("side-size", "side information of no bytes", row_strip().pieces(side_size=0))
bad("sizes", "sizes that do not add up", row_strip().pieces(block_size=4))
bad("too-much", "more side information than the tiles have", row_strip().pieces(side_size=2, extra=b"\0"))
bad("stored", "a stored strip that lacks bytes", stored(flat(64, 32), 16, 16)[:1] + [("rows", bytes(20))])
bad("header", "a strip of 11 bytes", [("header", bytes(11))])

# Fields 1 and 3 have 128 symbols of two kinds each; those of field 3 are not coded.
ABOVE_STRIP = row_strip([ABOVE], wide=False)
SYMBOLS = ABOVE_STRIP.symbols[1, 4]


def bad_streams(name, text, symbols=SYMBOLS, count=None, size=None, behind=b"", flags=0, **options):
    data, other = huffman(symbols, 256, **options), bytes(ABOVE_STRIP.symbols[3, 4])
    streams = struct.pack("<III", 1 << 8 + 3 | 1 << 24 + 3, len(symbols) if count is None else count, size or len(data)) + data
    streams += struct.pack("<II", len(other), len(other)) + other + behind
    block = lz4(streams) if flags & PACKED_IN_BLOCK else None
    bad(name, text, ABOVE_STRIP.pieces(flags, coded=streams, block=block))


def lengths(**given):
    return [given.get(f"s{symbol}", 0) for symbol in range(256)]


# Side information of one byte, its tile's mode: 141 bytes in a code of one symbol.
bad("side-coded", "coded side information in profile tile", row_strip().pieces(SIDE_IS_CODED))
bad("huffman-side-in-block", "coded side information in the LZ4 block", row_strip().pieces(SIDE_IS_CODED | SIDE_IN_BLOCK))
bad("huffman-side", "coded side information whose code is none",
    row_strip().pieces(SIDE_IS_CODED)[:-2] + [("coded side information", bytes(141))])
bad("huffman-side-behind", "a byte behind the coded side information", row_strip().pieces(SIDE_IS_CODED, extra=b"\0"))
bad_streams("coded", "coded streams in profile tile")
bad_streams("huffman-in-block", "coded streams in the LZ4 block", flags=PACKED_IN_BLOCK)
bad_streams("huffman-lengths", "codes of 1 and 2 bits, and one that is missing", lengths=lengths(s0=1, s7=2))
bad_streams("huffman-long", "a code of 12 bits", lengths=lengths(**{f"s{7 * n}": min(n + 1, 12) for n in range(13)}))
bad_streams("huffman-cut", "a stream that reaches past the end", size=1000)
bad_streams("huffman-parts", "parts that reach past the end", part_sizes=[4, 4, 1000])
bad_streams("huffman-part", "a part with a byte that no symbol needs", extra=b"\0")
bad_streams("huffman-count", "more symbols than the tiles of a strip can have", [0] * 4097)
bad_streams("huffman-missing", "a block lacks its symbols", SYMBOLS[:-8])
bad_streams("huffman-left", "the symbols of a block that is not there", SYMBOLS + SYMBOLS[-8:])
bad_streams("huffman-behind", "a byte behind the streams", behind=b"\0")
