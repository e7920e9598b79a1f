"""The masking explorer: its data, its drawing and its words."""
