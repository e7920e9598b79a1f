"""Formulas of the static pages: TeX to MathML that stands as TeX would set it, and a font to draw it with.

latex2mathml reads the TeX. Its tree knows which character is a letter and which an operator, but not TeX's
eight kinds of atoms, from which all spaces follow: "sin a", the minus of "= -1", both bars of a norm. Here
each atom gets its kind, and each pair of neighbours the space that belongs between these kinds.

Source: Knuth, The TeXbook, chapter 18 (table of spaces), appendix G (rules 5 and 6: when + is no operator).
"""

import base64
import html
import io
import re
import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

# latex2mathml knows these under another name only.
SAME_IN_MATHML = (("{aligned}", "{align*}"), (r"\operatorname*", r"\operatorname"), (r"\dots", r"\ldots"))
# It forgets an alphabet whose letter stands without braces: \mathcal L
WITHOUT_BRACES = re.compile(r"(\\math(?:cal|rm|bb|bf|it|sf|frak|scr))\s+(\w)")
UPRIGHT_LETTER = re.compile(r"\\mathrm\{(\w)\}")  # and makes a single upright letter slanted again

KINDS = {
    "relation": "=<>≤≥⩽⩾≠≈∼≃≅≡∝∈∉∋⊂⊃⊆⊇→←↔⇒⇐⇔↦⟶∣∥≪≫≺≻:",
    "binary": "+-−±∓×⋅·÷⊙⊗⊕∩∪∖∗∘∧∨",
    "open": "([{⌈⌊⟨",
    "close": ")]}⌉⌋⟩",
    "punctuation": ",;",
    "operator": "∑∏∫∐⋃⋂",
}
KIND_OF = {character: kind for kind, characters in KINDS.items() for character in characters}
BARS = {"|", "‖", "∣", "∥"}
LIMITS_BELOW = {"max", "min", "lim", "sup", "inf", "argmax", "argmin", "det", "gcd"}
ACCENTS = {"¯", "^", "~", "˜", "ˆ", "―", "‾", "→", "⃗", "˙", "¨", "."}
SCRIPTED = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}

# Spaces by the kinds of left and right neighbour: 1 thin, 2 medium, 3 thick; negative: none in an index.
ORDER = ("ordinary", "operator", "binary", "relation", "open", "close", "punctuation", "inner")
SPACES = {
    "ordinary": (0, 1, -2, -3, 0, 0, 0, -1),
    "operator": (1, 1, 0, -3, 0, 0, 0, -1),
    "binary": (-2, -2, 0, 0, -2, 0, 0, -2),
    "relation": (-3, -3, 0, 0, -3, 0, 0, -3),
    "open": (0, 0, 0, 0, 0, 0, 0, 0),
    "close": (0, 1, -2, -3, 0, 0, 0, -1),
    "punctuation": (-1, -1, 0, -1, -1, -1, -1, -1),
    "inner": (-1, 1, -2, -3, -1, 0, -1, -1),
}
WIDTHS = {0: 0.0, 1: 0.1667, 2: 0.2222, 3: 0.2778}  # em


def mathml(tex, display):
    """A formula as MathML; one that the converter does not know stays as readable TeX.

    Args:
        tex: the formula without its dollars.
        display: 'inline' or 'block'.
    """
    from latex2mathml.converter import convert

    tex = tex.strip()
    renamed = tex
    for ours, theirs in SAME_IN_MATHML:
        renamed = renamed.replace(ours, theirs)
    renamed = WITHOUT_BRACES.sub(r"\1{\2}", renamed)
    renamed = UPRIGHT_LETTER.sub(r"\\text{\1}", renamed)
    try:
        markup = convert(renamed, display=display)
    except Exception:
        return readable(tex)
    # Instead of raising, the converter lets a command or a separator that it does not know through as a name.
    if re.search(r"<m[ion][^>]*>(\\|&<|&amp;<)", markup):
        return readable(tex)
    # Without its name space: HTML needs none, and a heading that is parsed as XML would write it as a prefix.
    try:
        root = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", markup, count=1))
    except ElementTree.ParseError:  # it lets a < in a text through as it is
        return readable(tex)
    mend(root, small=False, display=display == "block")
    inside = "".join(ElementTree.tostring(child, encoding="unicode") for child in root)
    return f'<math alttext="{html.escape(tex)}" display="{display}">{inside}</math>'


def readable(tex):
    return f'<code class="tex">{html.escape(tex)}</code>'


# -- the tree ----------------------------------------------------------------------


def mend(element, *, small, display):
    """Set names, accents, limits and spaces right in an element and all below it, in place.

    Args:
        element: of the converter's tree.
        small: whether it is set in the size of an index, where most spaces vanish.
        display: whether it is set as a displayed formula, with large fractions and sums.
    """
    display = {"true": True, "false": False}.get(element.get("displaystyle"), display)
    name_what_is_no_operator(element)
    for index, child in enumerate(element):
        is_index = element.tag in SCRIPTED and index > 0
        is_small_part = element.tag == "mfrac" and not display
        mend(child, small=small or is_index or is_small_part, display=display and element.tag not in
             SCRIPTED | {"mfrac"})  # fmt: skip
    if element.tag in SCRIPTED:
        place_scripts(element)
    elif element.tag not in ("mfrac", "mtable", "mtr", "mroot"):
        set_spaces(element, small)


def name_what_is_no_operator(element):
    """Names of functions become operators, and signs that only stand for something become identifiers."""
    text = element.text or ""
    if element.tag in ("mi", "mo") and len(text) > 1 and text.isalpha() and not element.get("mathvariant"):
        element.tag = "mo"
        if text in LIMITS_BELOW:
            element.set("movablelimits", "true")
    elif element.tag == "mi" and text in KIND_OF:
        element.tag = "mo"
    elif element.tag == "mi" and unicodedata.normalize("NFKC", text) != text:
        element.set("mathvariant", "normal")  # a script L: browsers would slant the plain letter instead
    elif element.tag == "mo" and text in ("∞", "⊤", "⊥", "ℓ", "∅"):
        element.tag = "mi"
    elif text == "′":
        element.tag, element.attrib = "mo", {"class": "prime"}
    elif element.tag == "mo" and text == "*":
        element.text = "∗"
    elif element.tag == "mtext" and text.strip():
        # Words are atoms too: browsers take mtext for mere space, and a sign between two loses its own.
        element.tag, element.attrib = "mi", {"mathvariant": "normal"}
    if element.tag == "mspace" and not re.match(r"-?[\d.]+em", element.get("width", "")):
        element.set(
            "width", "-0.1667em"
        )  # the converter's negative space has a name that browsers do not know
    join_upright_letters(element)


def join_upright_letters(row):
    """`\\mathrm{PPMI}` is one name, not four letters with a gap where each ends."""
    before = None
    for child in list(row):
        if child.tag == "mi" and child.get("mathvariant") == "normal" and len(child.text or "") == 1:
            if before is not None:
                before.text += child.text
                row.remove(child)
                continue
            before = child
        else:
            before = None


def place_scripts(element):
    """Limits of max and its like go below in a displayed formula; an accent sits close to its letter."""
    base, mark = element[0], element[-1]
    if element.tag == "msub" and base.get("movablelimits"):
        element.tag = "munder"
    if element.tag == "mover" and mark.tag == "mo" and mark.text in ACCENTS:
        element.set("accent", "true")
        wide = len("".join(base.itertext())) > 1
        mark.attrib = {"stretchy": "true" if wide else "false"}
        if mark.text in ("―", "‾", "¯"):
            mark.text = "‾" if wide else "¯"  # fonts can stretch the first alone


# -- spaces ------------------------------------------------------------------------


def set_spaces(row, small):
    """Put TeX's space between each two neighbours of a row."""
    atoms = [child for child in row if child.tag not in ("mspace",)]
    kinds = true_kinds([kind(atom) for atom in atoms])
    for index, atom in enumerate(atoms):
        sign = core(atom)
        if sign.text == "…" and kinds[index + 1 : index + 2] in (["binary"], ["relation"]):
            sign.text = "⋯"
        if sign.tag == "mo":
            sign.attrib |= {"lspace": "0", "rspace": "0"}
            if sign.get("stretchy") != "true" and not sign.get("minsize") and sign.text in BARS:
                sign.set("stretchy", "false")  # a bar of its own accord grows downwards, beside an index
    for left, right, of_left, of_right in zip(atoms, atoms[1:], kinds, kinds[1:], strict=False):
        size = SPACES[of_left][ORDER.index(of_right)]
        if size == 0 or (size < 0 and small):
            continue
        width = f"{WIDTHS[abs(size)]}em"
        if core(left).tag == "mo":
            core(left).set("rspace", width)
        elif core(right).tag == "mo":
            core(right).set("lspace", width)
        else:
            row.insert(list(row).index(right), ElementTree.Element("mspace", width=width))


def core(atom):
    """What carries an atom's space: the letter or sign below its indices, the only part of a group."""
    while atom.tag in SCRIPTED or (atom.tag in ("mrow", "mstyle") and len(atom) == 1):
        if atom.tag == "mrow":
            return atom  # a group in braces is ordinary, whatever stands in it
        atom = atom[0]
    return atom


def kind(atom):
    """One of ORDER."""
    sign = core(atom)
    if sign.tag == "mfrac":
        return "inner"
    if sign.tag == "mrow":
        fenced = len(sign) > 1 and sign[0].tag == "mo" and sign[0].get("form") == "prefix"
        return "inner" if fenced else "ordinary"
    if sign.tag != "mo":
        return "inner" if sign.text in ("…", "⋯") else "ordinary"
    text = sign.text or ""
    if sign.get("fence") == "true" and sign.get("form") in ("prefix", "postfix"):
        return "open" if sign.get("form") == "prefix" else "close"
    if len(text) > 1:
        return "binary" if text == "mod" else "operator"
    return KIND_OF.get(text, "ordinary")


def true_kinds(kinds):
    """A + or - with nothing to join is a sign, not an operation: after = or (, at the start or the end."""
    true = []
    for index, this in enumerate(kinds):
        before = true[-1] if true else None
        after = kinds[index + 1] if index + 1 < len(kinds) else None
        joins_nothing = before in (None, "binary", "operator", "relation", "open", "punctuation")
        if this == "binary" and (joins_nothing or after in (None, "relation", "close", "punctuation")):
            this = "ordinary"
        true.append(this)
    return true


# -- the font ----------------------------------------------------------------------

LETTERS = "".join(map(chr, [*range(0x20, 0x7F), *range(0x391, 0x3CA), 0x3D1, 0x3D5, 0x3F1, 0x3F5, 0x210E]))
ITALIC = "".join(
    map(chr, [*range(0x1D434, 0x1D468), *range(0x1D6E2, 0x1D71C)])
)  # how single letters are drawn
DRAWN = "√−∗⋯′"  # what browsers draw though it stands in no element
TALL_ROOT = re.compile(
    r"<m(?:sqrt|root)>(?:(?!</m(?:sqrt|root)>).)*<m(?:frac|table|under|sqrt|root)", re.DOTALL
)


def font_css(body):
    """A style rule that carries a mathematical font with the characters of a page's formulas; '' without any.

    Where a machine has no such font, browsers set formulas in whatever they find: small sums, indices that
    float. With its own font a page looks the same everywhere. What is common is in every font, so that most
    pages share one.
    """
    formulas = re.findall(r"<math .*?</math>", body, flags=re.DOTALL)
    if not formulas:
        return ""
    used = set(html.unescape(re.sub(r"<[^>]*>", "", "".join(formulas))))
    data = font_with(
        frozenset(used | set(LETTERS + ITALIC + DRAWN).union(*KINDS.values())),
        tall_roots=any(TALL_ROOT.search(formula) for formula in formulas),
    )
    source = f"url(data:font/woff;base64,{base64.b64encode(data).decode('ascii')})"
    return f"@font-face {{ font-family: 'Book Math'; src: {source} format('woff'); }}"


@lru_cache
def font_with(characters, *, tall_roots):
    """STIX Two Math, which the package ziamath brings, cut down to some characters: WOFF bytes.

    Browsers keep as much room for a root's sign as its widest size takes, and the room that it does not need
    stands behind the root. A font without `tall_roots` has the smallest size alone.
    """
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    package = Path(find_spec("ziamath").origin).parent  # its file is all that we want of it
    font = TTFont(package / "fonts" / "STIXTwoMath-Regular.ttf")
    if not tall_roots:
        variants = font["MATH"].table.MathVariants
        place = variants.VertGlyphCoverage.glyphs.index(font.getBestCmap()[ord("√")])
        sizes = variants.VertGlyphConstruction[place]
        sizes.MathGlyphVariantRecord, sizes.GlyphAssembly = sizes.MathGlyphVariantRecord[:1], None
    options = Options(layout_features=["ssty", "flac", "dtls"], hinting=False, notdef_outline=True)
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(sorted(characters)))
    subsetter.subset(font)
    font.flavor = "woff"
    font["head"].modified = font["head"].created  # the same bytes every time
    font.recalcTimestamp = False
    file = io.BytesIO()
    font.save(file)
    return file.getvalue()
