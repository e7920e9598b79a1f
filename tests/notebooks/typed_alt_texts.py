"""Cells whose pictures are described by hand until the book is drawn anew (`make book REDRAW=1`).

Their leads are written: a run of the chapter makes the rest, and the cell can be taken off.
"""

BY_NOTEBOOK = {
    "00_start_here": """
        demo-text demo-still demo-shipped-text demo-expert-still
    """,
    "02_1_language_models": """
        orders-figure ranking-figure floor-figure explorer-still budget-figure budget-seeds-figure
        scaling-figure uses-figure
    """,
    "06_1_dialogue": """
        recall-figure
    """,
}
TYPED = {f"{notebook} {cell}" for notebook, cells in BY_NOTEBOOK.items() for cell in cells.split()}
