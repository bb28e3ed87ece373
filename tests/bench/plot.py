"""Draws seconds of wall clock, ours and the peer's, side by side."""

WIDTH, LEFT, BAR, GAP = 760, 190, 14, 16
OURS, PEER = "#1f77b4", "#bbbbbb"


def bars(drawn):
    """An SVG of (case, ours, peer)."""
    most = max(max(ours.wall, peer.wall) for _, ours, peer in drawn)
    height = 40 + len(drawn) * (2 * BAR + GAP)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="18">Seconds, whole process: blue ours, grey what one would use instead</text>',
    ]

    def bar(y, seconds, colour, text):
        width = seconds / most * (WIDTH - LEFT - 220)
        out.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 11}">{text}</text>')

    for number, (case, ours, peer) in enumerate(drawn):
        y = 32 + number * (2 * BAR + GAP)
        out.append(f'<text x="{LEFT - 8}" y="{y + BAR + 4}" text-anchor="end">{case.name}</text>')
        bar(y, ours.wall, OURS, f"{ours.wall:.1f} s, {ours.rss:.0f} MiB")
        bar(y + BAR, peer.wall, PEER, f"{peer.wall:.1f} s, {peer.rss:.0f} MiB: {case.peer}")
    return "\n".join([*out, "</svg>"]) + "\n"
