// Routing in the browser.
