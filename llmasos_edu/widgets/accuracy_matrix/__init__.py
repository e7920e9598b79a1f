"""The accuracy matrix explorer: its data, its drawing and its words."""
