// The explorer of expert loads: its page follows.
export default { render() {} };
