"""The kernel behind HTTP, in the interface that clients already speak, and a control room to watch it."""
