// Drawings of the expert-load explorer.
