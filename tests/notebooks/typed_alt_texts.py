"""Cells whose pictures are described by hand until the book is drawn anew (`make book REDRAW=1`).

Their leads are written: a run of the chapter makes the rest, and the cell can be taken off.
"""

BY_NOTEBOOK = {
    "00_start_here": """
        demo-text demo-still demo-shipped-text demo-expert-still
    """,
    "01_background": """
        landmarks-figure copying-figure learn-figure profile-figure
    """,
    "02_1_language_models": """
        orders-figure ranking-figure floor-figure explorer-still budget-figure budget-seeds-figure
        scaling-figure uses-figure
    """,
    "03_1_pretraining": """
        tune-figure probe-figure pairs-figure who-figure writing widget-still objectives-figure
        t5-fills cost-figure
    """,
    "03_2_unsupervised_learning": """
        neighbours-table explorer-still purity-figure roads-figure known-figure contrast-break-figure
        traffic-figure traffic-retrieval-figure contexts-figure lm-figure few-figure
    """,
    "03_3_incremental_learning": """
        naive-figure order-figure ewc-figure all-matrices all-bars cost-figure explorer-still
        which-figure shipped-figure
    """,
    "03_4_multitask_learning": """
        few-curves-figure
    """,
    "03_5_distillation": """
        fallback-speed speed-figure
    """,
    "06_1_dialogue": """
        recall-figure
    """,
}
TYPED = {f"{notebook} {cell}" for notebook, cells in BY_NOTEBOOK.items() for cell in cells.split()}
