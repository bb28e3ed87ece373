"""Draws the storm: reads the table that the simulation prints (docs/benchmarks/delivery.md), writes an SVG."""

import sys

WIDTH, HEIGHT, LEFT, TOP = 640, 320, 60, 20
COLOURS = ["#1f77b4", "#2ca02c", "#d62728", "#9467bd", "#ff7f0e"]


def rows():
    for line in sys.stdin:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 5 and cells[0].isdigit():
            yield tuple(int(cell.removesuffix(" ms")) for cell in cells)


def main():
    series = {}
    for dispatchers, concurrency, waiting, _, after in rows():
        series.setdefault((dispatchers, concurrency), []).append((waiting, after / 1000))
    if not series:
        sys.exit("no table of the storm on standard input")
    most = max(waiting for points in series.values() for waiting, _ in points)
    longest = max(5, -(-max(after for points in series.values() for _, after in points) // 5) * 5)

    def x(waiting):
        return LEFT + waiting / most * (WIDTH - LEFT - 20)

    def y(seconds):
        return TOP + (1 - seconds / longest) * (HEIGHT - TOP - 50)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + 20 * len(series)}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for seconds in range(0, int(longest) + 1, 5):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(seconds):.1f}" y2="{y(seconds):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(seconds) + 4:.1f}" text-anchor="end">{seconds} s</text>')
    for waiting in range(0, most + 1, most // 5):
        out.append(f'<text x="{x(waiting):.1f}" y="{HEIGHT - 32}" text-anchor="middle">{waiting:,}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
               "deliveries that wait for the dead endpoint; up: until another's first attempt</text>")
    for number, ((dispatchers, concurrency), points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(f"{x(waiting):.1f},{y(after):.1f}" for waiting, after in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = HEIGHT + 20 * number
        out.append(f'<line x1="{LEFT}" x2="{LEFT + 30}" y1="{at}" y2="{at}" stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{LEFT + 40}" y="{at + 4}">{dispatchers} dispatchers, the dead endpoint is sent'
                   f" {concurrency} at a time</text>")
    print("\n".join([*out, "</svg>"]))


main()
