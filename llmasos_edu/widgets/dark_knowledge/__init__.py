"""The dark knowledge explorer: its data, its drawing and its words."""
