"""Alt texts of pictures: a lead that an author wrote, then what the picture shows, made from the figure.

In the kernel that `execute` starts, every figure that is shown carries its description in the metadata of its
output (`load_ipython_extension`); it is stored there, beside the picture that it describes. A cell's alt text
is its lead (`mystnb.image.lead`) and these descriptions.
"""

MODULE = "llmasos_edu.book.alt_texts"
PNG = "image/png"


# -- in the kernel -----------------------------------------------------------------


def load_ipython_extension(shell):
    """Let each picture of this kernel say what it shows."""
    import matplotlib.pyplot  # noqa: F401  its backend sets how figures become pictures, and would do so later

    shell.enable_matplotlib("inline")
    _describe_figures(shell.display_formatter.formatters[PNG])


def _describe_figures(formatter):
    from matplotlib.figure import Figure

    from llmasos_edu.plots.describing import describe

    draw = formatter.lookup_by_type(Figure)

    def with_words(figure):
        picture = draw(figure)
        words = describe(figure)
        if isinstance(picture, tuple):
            return picture[0], {**picture[1], "alt": words}
        return picture, {"alt": words}

    formatter.for_type(Figure, with_words)


# -- in the notebook ---------------------------------------------------------------


def image_of(cell):
    """The cell's metadata on its picture: `lead`, what the author wrote, and `alt`, what is made of it."""
    return cell.metadata.get("mystnb", {}).get("image", {})


def descriptions(cell):
    """For each picture that the cell stores what it shows; "" for one without a description."""
    return [
        output.get("metadata", {}).get(PNG, {}).get("alt", "")
        for output in cell.get("outputs", [])
        if PNG in output.get("data", {})
    ]


def alt_text(lead, told):
    """A lead, and what pictures show."""
    lead = lead.strip()
    if lead and lead[-1] not in ".!?”":
        lead += "."
    return " ".join(filter(None, [lead, *told]))


def write_alt_text(cell):
    """Set the alt text of a cell whose pictures all have descriptions, in place."""
    told = descriptions(cell)
    if not told or not all(told):
        return
    image = cell.metadata.setdefault("mystnb", {}).setdefault("image", {})
    image["alt"] = alt_text(image.get("lead", ""), told)


def alt_of_each(cell):
    """The alt text of each picture of a cell: the lead stands before the first one."""
    told, image = descriptions(cell), image_of(cell)
    if not all(told):
        return [image.get("alt", "")] * len(told)
    return [alt_text(image.get("lead", "") if place == 0 else "", [each]) for place, each in enumerate(told)]
