#!/usr/bin/env python3
"""Plots speed against ratio: the lines of `framewire bench codec --json` on standard input, a PNG out.

    framewire bench codec --threads 2 --json frames_1920x1080_rgba.raw … | Benchmarks/codec/plot.py docs/codec.png

Needs Debian's python3-matplotlib.
"""

import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

MARKERS = {"memcpy": "_", "liblz4": "s", "raw": "|", "lz4": "v", "tile": "o", "tile-key": "^", "huffman": "D"}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: framewire bench codec --json FILES | plot.py OUT.png")
    results = [json.loads(line) for line in sys.stdin if line.strip()]
    results = [r for r in results if r["codec"] in MARKERS and r["ratio"] and r["codec"] not in ("memcpy", "raw")]
    if not results:
        sys.exit("plot.py: standard input has no results of `framewire bench codec --json`")
    sequences = list(dict.fromkeys(r["sequence"] for r in results))
    codecs = list(dict.fromkeys(r["codec"] for r in results))
    colors = {s: plt.get_cmap("tab10")(i) for i, s in enumerate(sequences)}

    figure, axes = plt.subplots(figsize=(9, 6), dpi=110)
    for sequence in sequences:
        of = {(r["codec"], r["threads"]): r for r in results if r["sequence"] == sequence}
        # What a user gains by leaving plain LZ4.
        if ("liblz4", 1) in of and ("tile", 1) in of:
            a, b = of["liblz4", 1], of["tile", 1]
            axes.annotate(
                "", (b["encode_mb_s"], b["ratio"]), (a["encode_mb_s"], a["ratio"]),
                arrowprops={"arrowstyle": "->", "color": colors[sequence], "alpha": 0.4})
        for (codec, threads), r in of.items():
            axes.plot(
                r["encode_mb_s"], r["ratio"], MARKERS[codec], color=colors[sequence], markersize=8,
                markerfacecolor=colors[sequence] if threads == 1 else "white")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("encoding, million bytes of pixels a second")
    axes.set_ylabel("ratio: bytes of pixels by bytes sent")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
        axis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    axes.set_xticks([500, 1000, 2000, 5000, 10000])
    axes.set_yticks([1, 2, 5, 10, 20, 50, 100, 200])
    axes.grid(alpha=0.3)
    handles = [Line2D([], [], color=colors[s], lw=4, label=s) for s in sequences]
    handles += [Line2D([], [], color="black", marker=MARKERS[c], ls="", label=c) for c in codecs]
    if any(r["threads"] > 1 for r in results):
        handles.append(Line2D([], [], color="black", marker="o", markerfacecolor="white", ls="", label="two threads"))
    axes.legend(handles=handles, fontsize=8, loc="upper left", ncols=2)
    axes.set_title("Framewire's profiles and liblz4 (level 1) on rendered pictures", fontsize=11)
    figure.tight_layout()
    figure.savefig(sys.argv[1])


if __name__ == "__main__":
    main()
