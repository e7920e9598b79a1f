"""The scheduler playground: the kernel's rules in the browser, to be turned at."""
