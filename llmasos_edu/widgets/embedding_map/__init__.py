"""The embedding map explorer: its data, its drawing and its words."""
