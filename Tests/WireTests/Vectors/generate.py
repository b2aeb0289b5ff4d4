#!/usr/bin/env python3
"""Writes the test vectors of docs/wire-format.md beside itself, from the tables there and not with the library's code.

Each vector is a text file: bytes in hexadecimal, `#` begins a comment that runs to the end of the line.
"""
import os
import struct

FOLDER = os.path.dirname(os.path.abspath(__file__))
NONE = -(1 << 63)
MASK = 0xFFFFFFFF


def xxh32(data):
    """XXH32 with seed 0 (xxhash_spec.md)."""
    p1, p2, p3, p4, p5 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
    rotate = lambda x, n: ((x << n) | (x >> (32 - n))) & MASK
    at = 0
    if len(data) >= 16:
        lanes = [(p1 + p2) & MASK, p2, 0, -p1 & MASK]
        while at + 16 <= len(data):
            for i in range(4):
                word = struct.unpack_from("<I", data, at + 4 * i)[0]
                lanes[i] = rotate((lanes[i] + word * p2) & MASK, 13) * p1 & MASK
            at += 16
        h = sum(rotate(lane, n) for lane, n in zip(lanes, (1, 7, 12, 18))) & MASK
    else:
        h = p5
    h = (h + len(data)) & MASK
    while at + 4 <= len(data):
        h = rotate((h + struct.unpack_from("<I", data, at)[0] * p3) & MASK, 17) * p4 & MASK
        at += 4
    for byte in data[at:]:
        h = rotate((h + byte * p5) & MASK, 11) * p1 & MASK
    h = (h ^ (h >> 15)) * p2 & MASK
    h = (h ^ (h >> 13)) * p3 & MASK
    return h ^ (h >> 16)


class Bytes:
    """Bytes in labelled pieces."""

    def __init__(self):
        self.pieces = []

    def put(self, label, form, *values):
        self.pieces.append((label, struct.pack("<" + form, *values)))
        return self

    def raw(self, label, data):
        self.pieces.append((label, bytes(data)))
        return self

    def add(self, other):
        self.pieces += other.pieces
        return self

    @property
    def data(self):
        return b"".join(piece for _, piece in self.pieces)

    def replace(self, label, form, *values):
        """Overwrites the first piece of this name, so that what depends on it is wrong afterwards."""
        for index, (name, _) in enumerate(self.pieces):
            if name == label:
                self.pieces[index] = (label, struct.pack("<" + form, *values))
                return self
        raise KeyError(label)

    def cut(self, count):
        """Drops the last `count` bytes."""
        while count:
            label, data = self.pieces.pop()
            if len(data) > count:
                self.pieces.append((label, data[:-count]))
                count = 0
            else:
                count -= len(data)
        return self

    def write(self, name, text):
        lines = [f"# {text}"]
        for label, data in self.pieces:
            rows = [data[i:i + 16] for i in range(0, len(data), 16)] or [b""]
            for i, row in enumerate(rows):
                lines.append(row.hex(" ").ljust(48) + (f"# {label}" if i == 0 else ""))
        with open(os.path.join(FOLDER, name + ".hex"), "w") as file:
            file.write("\n".join(line.rstrip() for line in lines) + "\n")


def entry(kind, name, content):
    name = name.encode()
    body = struct.pack("<H", len(name)) + name + content
    return struct.pack("<HI", kind, len(body)) + body


def message(kind, fields, flags=0, metadata=b"", payload=0, sequence=0, stream=0, view=0, version=1, extra=b"",
            header_size=None, metadata_size=None):
    """A skippable frame with a header and metadata. `fields`: (label, format, value …) of the kind."""
    size = 52 + sum(struct.calcsize("<" + form) for _, form, *_ in fields) + len(extra)
    head = Bytes()
    head.put("header magic FWIR", "4s", b"FWIR").put("version", "B", version).put("kind", "B", kind)
    head.put("header size", "H", size if header_size is None else header_size).put("flags", "I", flags)
    head.put("metadata size", "I", len(metadata) if metadata_size is None else metadata_size)
    head.put("payload size", "Q", payload).put("sequence", "Q", sequence)
    head.put("stream id", "I", stream).put("view id", "I", view)
    head.put("metadata checksum", "I", xxh32(metadata)).put("reserved", "I", 0)
    for label, form, *values in fields:
        head.put(label, form, *values)
    if extra:
        head.raw("fields of a later version", extra)
    head.put("header checksum", "I", xxh32(head.data))
    out = Bytes().put("magic of the skippable frame", "I", 0x184D2A5F)
    out.put("its size", "I", size + len(metadata)).add(head)
    if metadata:
        out.raw("metadata", metadata)
    return out


KEY, REFERENCE, CONTENT_CHECKSUM, WANTS_ACK, END = 2, 4, 8, 16, 32


def frame(width=2, height=2, form=1, order=0, profile=1, color=(2, 2, 2, 0), strip_rows=2, strips=1, raw=16, payload=None,
          pts=NONE, duration=NONE, capture=NONE, queue=NONE, encode=NONE, latency=NONE, reference=0, checksum=0,
          flags=KEY, **others):
    fields = [
        ("width", "I", width), ("height", "I", height), ("pixel format", "H", form), ("row order", "B", order),
        ("profile", "B", profile), ("colour", "4B", *color), ("strip rows", "I", strip_rows),
        ("strip count", "I", strips), ("raw size", "Q", raw), ("pts", "q", pts), ("duration", "q", duration),
        ("capture time", "q", capture), ("queue duration", "q", queue), ("encode duration", "q", encode),
        ("latency", "q", latency), ("reference sequence", "Q", reference), ("content checksum", "Q", checksum)]
    payload = raw + 19 + 4 * strips if payload is None else payload
    return message(1, fields, flags=flags, payload=payload, **others)


def hello(lowest=1, highest=1, role=2, profiles=0b110, name="", **others):
    metadata = entry(1, "name", name.encode()) if name else b""
    return message(2, [
        ("lowest version", "B", lowest), ("highest version", "B", highest), ("role", "B", role), ("reserved", "B", 0),
        ("profiles", "I", profiles), ("max width", "I", 16384), ("max height", "I", 8192),
        ("max frame bytes", "Q", 256 << 20), ("max metadata bytes", "I", 65536)], metadata=metadata, **others)


def acknowledgement(receive=2_500_000, decode=1_250_000, **others):
    return message(3, [("receive duration", "q", receive), ("decode duration", "q", decode)], **others)


def key_frame_request(**others):
    return message(4, [], **others)


def bye(reason=0, text="", **others):
    metadata = entry(1, "text", text.encode()) if text else b""
    return message(5, [("reason", "I", reason)], metadata=metadata, **others)


def flow(paused=0, frame_rate=0, bit_rate=0, **others):
    return message(6, [("is paused", "I", paused), ("max frame rate", "I", frame_rate), ("max bit rate", "Q", bit_rate)],
                   **others)


def user_message(form, content=None, **others):
    metadata = b"" if content is None else entry(3, "message", content)
    return message(7, [("type", "I", form)], metadata=metadata, **others)


def ping(reply, time, **others):
    return message(8, [("is reply", "I", reply), ("time", "q", time)], **others)


def opening():
    return Bytes().raw("opening: an empty LZ4 frame", bytes.fromhex("04224d1860408200000000"))


def lz4_frame(size, blocks, code=4):
    """An LZ4 frame; `blocks`: (label, stored, bytes)."""
    descriptor = struct.pack("<BBQ", 0x68, code << 4, size)
    out = Bytes().put("LZ4 magic", "I", 0x184D2204).raw("FLG, BD, content size", descriptor)
    out.put("HC", "B", xxh32(descriptor) >> 8 & 255)
    for label, stored, data in blocks:
        out.put("block size", "I", len(data) | (1 << 31 if stored else 0)).raw(label, data)
    return out.put("end mark", "I", 0)


matrix = struct.pack("<16f", *range(16))
metadata = (entry(1, "scene", "Brücke".encode()) + entry(2, "view", matrix) + entry(3, "tracker", bytes([1, 2, 3, 255]))
            + entry(4, "GstVideoMeta", bytes(range(8))))
everything = dict(
    width=1920, height=1080, form=1, order=1, profile=3, color=(1, 13, 5, 1), strip_rows=16, strips=68, raw=1920 * 1080 * 4,
    payload=1000, pts=-1, duration=16_666_667, capture=123_456_789_012, queue=50_000, encode=2_000_000,
    latency=9_000_000, reference=41, checksum=0x0123456789ABCDEF,
    flags=1 | REFERENCE | CONTENT_CHECKSUM | WANTS_ACK | END, sequence=42, stream=7, view=1)

opening().write("opening", "The bytes that a stream begins with.")
frame(**everything, metadata=metadata).write("frame", "A frame header with every field set, without its payload.")
frame().write("frame-minimal", "A 2 x 2 rgba8 key frame in profile raw, without its payload; nothing optional.")
frame(profile=4, strip_rows=16, payload=12 + 20, flags=REFERENCE, reference=41, sequence=42).write(
    "frame-huffman", "A 2 x 2 rgba8 frame in profile huffman, coded against the frame before, without its payload.")
hello(name="framewire 1.0").write("hello", "A receiver's hello.")
acknowledgement(sequence=42, stream=7, view=1).write("acknowledgement", "Frame 42 was delivered.")
key_frame_request(stream=7, view=1).write("key-frame-request", "A receiver lacks a reference.")
bye(2, "the header checksum differs").write("bye", "A receiver gives up.")
flow(1, 29_970, 50_000_000).write("flow", "A receiver pauses; later 29.97 frames and 50 Mbit per second.")
user_message(0x464F4F01, bytes([0, 1, 2, 254, 255])).write("user-message", "Five bytes from the receiver's program.")
user_message(9, b"").write("user-message-empty", "A type without content.")
ping(0, 123_456_789_012).write("ping", "Are you there?")
ping(1, 123_456_789_012).write("ping-reply", "Yes.")
frame(extra=bytes(range(16)), flags=KEY | 0x100, metadata=struct.pack("<HI", 999, 3) + b"abc").write(
    "frame-of-the-future", "A longer header, a flag that may be ignored and a metadata entry of an unknown type.")
message(200, [("unknown", "Q", 1)]).add(bye()).write("kind-of-the-future", "A message of an unknown kind, then a bye.")
Bytes().put("magic of a foreign frame", "I", 0x184D2A50).put("its size", "I", 5).raw("content", b"other").add(bye()).write(
    "foreign-frame", "A skippable frame of another program, then a bye.")

pixels = bytes(range(16))
opening().add(frame(flags=KEY | CONTENT_CHECKSUM, checksum=0x8355E3A6F61770DB)).add(
    lz4_frame(16, [("pixels", True, pixels)])).add(bye()).write(
    "stream-raw", "A complete stream: a 2 x 2 rgba8 frame in profile raw with the bytes 0 to 15.")
block = bytes([0x16, 0x40, 1, 0, 0x50] + [0x40] * 5)
opening().add(hello(role=1)).add(frame(profile=2, payload=19 + 4 + len(block))).add(
    lz4_frame(16, [("one literal, a match of 10, five literals", False, block)])).add(bye()).write(
    "stream-lz4", "A complete stream: a 2 x 2 rgba8 frame in profile lz4, all bytes 0x40.")
opening().add(frame(width=3, height=3, form=20, strip_rows=2, strips=4, raw=17)).add(lz4_frame(17, [
    ("Y, rows 0 and 1", True, range(0, 6)), ("Y, row 2", True, range(6, 9)), ("U, rows 0 and 1", True, range(9, 13)),
    ("V, rows 0 and 1", True, range(13, 17))])).add(bye()).write(
    "stream-strips", "A complete stream: a 3 x 3 i420 frame in strips of 2 rows, the bytes 0 to 16.")

opening().add(frame().replace("width", "I", 3)).write("bad-header-checksum", "The width was changed.")
frame(metadata=metadata).replace("metadata", f"{len(metadata)}s", metadata.replace(b"view", b"vieu")).write(
    "bad-metadata-checksum", "The metadata was changed.")
frame(version=2).write("bad-version", "Version 2.")
frame(header_size=144).write("bad-header-size", "A frame header that is too short.")
frame(header_size=4100).write("oversize-header", "A header size above 4096.")
frame().replace("its size", "I", 100).write("bad-message-size", "A skippable frame that is shorter than the header.")
frame().replace("its size", "I", 148 + 65537).write("oversize-metadata", "More metadata than the default limit.")
frame(metadata_size=5).write("bad-metadata-size", "Metadata size and the skippable frame's size disagree.")
frame(flags=KEY | 1 << 16).write("critical-flag", "A flag that must be understood.")
frame(width=20000, raw=160000).write("oversize-width", "A width above the default limit.")
frame(width=0, raw=0, payload=23).write("zero-width", "No width.")
frame(width=16384, height=16384, form=12, raw=1 << 32, strip_rows=16, strips=1024).write(
    "oversize-frame", "4 GiB of pixels within the limits for width and height.")
frame(raw=17, payload=39).write("bad-raw-size", "A raw size that width, height and format contradict.")
frame(form=99).write("unknown-format", "A pixel format that is not known.")
frame(profile=9).write("unknown-profile", "A profile that is not known.")
frame(strips=3).write("bad-strip-count", "A strip count that the rows contradict.")
frame(payload=1 << 40).write("oversize-payload", "A payload above the bound for the raw size.")
frame(profile=2, payload=23).write("undersize-payload", "A payload without a byte for its only block.")
frame(profile=3, payload=40, flags=REFERENCE, reference=5, sequence=5).write("bad-reference", "A frame that refers to itself.")
frame(flags=0).write("no-reference", "Neither a key frame nor a reference.")
hello(lowest=3, highest=1).write("bad-versions", "A hello with a lowest version above the highest.")
acknowledgement(payload=4).write("bad-payload", "An acknowledgement with a payload.")
frame(metadata=struct.pack("<HI", 1, 100)).write("bad-metadata-entry", "An entry longer than the metadata.")
frame(metadata=entry(2, "view", bytes(60))).write("bad-matrix", "A matrix of 60 bytes.")
ping(0, 1, payload=4).write("bad-ping-payload", "A ping with a payload.")
flow(header_size=52).write("bad-flow-size", "A flow message that is too short.")
user_message(1, b"x").replace("metadata", "16s", entry(3, "messagf", b"x")).write(
    "bad-message-checksum", "The name of a user message's content was changed.")
Bytes().raw("an LZ4 frame with content", bytes.fromhex("04224d1860408201000080")).write(
    "plain-lz4", "An LZ4 frame that no header announces.")
Bytes().raw("GET / HTTP/1.1", b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n").write("http", "Not a Framewire stream.")
Bytes().put("magic of the skippable frame", "I", 0x184D2A5F).put("its size", "I", 60).raw("content", b"else" * 15).write(
    "other-header", "The skippable frame's magic, but no header.")
frame(metadata=metadata).cut(len(metadata) + 8).write("truncated-header", "The stream ends inside a header.")
frame(metadata=metadata).cut(1).write("truncated-metadata", "The stream ends inside the metadata.")
frame().add(lz4_frame(16, [("pixels", True, pixels)])).cut(8).write("truncated-payload", "The stream ends inside a payload.")
