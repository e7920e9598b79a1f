// Writes mathjax_widths.json: how wide MathJax sets each formula of the book, in ex, to compare our pages with.
//   npm pack mathjax@3.2.2 && tar xf mathjax-3.2.2.tgz
//   python tests/browser/test_static_pages.py > formulas.json
//   node tests/browser/mathjax_widths.cjs package/es5/node-main.js formulas.json > tests/browser/mathjax_widths.json
const [main, formulas] = process.argv.slice(2).map((path) => require("path").resolve(path));
const load = { loader: { load: ["input/tex", "output/svg"] } };
require(main).init(load).then((MathJax) => {
  const widths = {};
  for (const key of require(formulas)) {
    const [display, tex] = [key.slice(0, key.indexOf("|")), key.slice(key.indexOf("|") + 1)];
    const svg = MathJax.startup.adaptor.innerHTML(MathJax.tex2svg(tex, { display: display === "block" }));
    widths[key] = Number(/width="([\d.]+)ex"/.exec(svg)[1]);
  }
  const lines = Object.entries(widths).sort(([a], [b]) => (a < b ? -1 : 1));
  console.log(`{${lines.map(([key, width]) => `${JSON.stringify(key)}:${width}`).join(",\n")}}`);
});
