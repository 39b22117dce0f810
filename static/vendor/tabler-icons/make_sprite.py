"""Make sprite.svg from an unpacked @tabler/icons: python make_sprite.py FOLDER/package/icons/outline"""

import re
import sys
from pathlib import Path

NAMES = """
adjustments alert-circle alert-octagon alert-triangle antenna arrow-back-up arrow-narrow-right arrows-exchange ban
box brand-debian bolt chart-bar check checks chevron-down chevron-left chevron-right circle-check circle-dashed circle-x clock
copy cpu database download edit eye-off file-text fingerprint history home info-circle key link loader lock logout map-pin menu-2
moon network player-play player-skip-forward player-stop plug-connected-x plus question-mark refresh route search server
server-2 stack-2 stack-3 sun trash user x
""".split()


def symbol(folder: Path, name: str) -> str:
    text = (folder / f"{name}.svg").read_text()
    inside = re.sub(r"<!--.*?-->", "", re.search(r"<svg[^>]*>(.*)</svg>", text, re.S)[1], flags=re.S)
    inside = re.sub(r"\s+", " ", inside).strip()
    return f'<symbol id="{name}" viewBox="0 0 24 24">{inside}</symbol>'


if __name__ == "__main__":
    source = Path(sys.argv[1])
    lines = "\n".join(symbol(source, name) for name in NAMES)
    here = Path(__file__).with_name("sprite.svg")
    here.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{lines}\n</svg>\n')
