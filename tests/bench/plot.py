"""Draws seconds of wall clock, ours and the peer's, side by side."""

WIDTH, LEFT, BAR, GAP = 760, 190, 14, 16
OURS, PEER = "#1f77b4", "#bbbbbb"


def bars(entries):
    """An SVG of the entries of packaging.json that are seconds; those of ten times the data would dwarf the others."""
    drawn = [entry for entry in entries if entry["unit"] == "s" and not entry["case"].endswith("sf10")]
    seconds = [(entry["figure"], entry["figure"] / entry["ratio"]) for entry in drawn]
    most = max(max(pair) for pair in seconds)
    height = 40 + len(drawn) * (2 * BAR + GAP)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18">Seconds, whole process: blue ours, grey what one would use instead</text>',
    ]

    def bar(y, taken, colour, text):
        width = taken / most * (WIDTH - LEFT - 220)
        out.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 11}">{text}</text>')

    for number, (entry, (ours, peer)) in enumerate(zip(drawn, seconds)):
        y = 32 + number * (2 * BAR + GAP)
        out.append(f'<text x="{LEFT - 8}" y="{y + BAR + 4}" text-anchor="end">{entry["case"]}</text>')
        bar(y, ours, OURS, f"{ours:.1f} s, {entry['peak_rss_mib']:.0f} MiB")
        bar(y + BAR, peer, PEER, f"{peer:.1f} s: {entry['peer']}")
    return "\n".join([*out, "</svg>"]) + "\n"
