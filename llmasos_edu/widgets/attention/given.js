// The explorer of maps that were given: all data is there from the start.
const render = (host) => showMaps(host);

export { softmaxMap, truthShare, render };
export default { render };
