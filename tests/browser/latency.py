"""From a key press to changed pixels, measured in the page itself, and reported rather than judged."""

from __future__ import annotations

import statistics

TIMER = """async ([where, keys]) => {
  const box = document.querySelector(where), over = document.querySelector('.lm-map .lm-over');
  const look = () => over.getContext('2d').getImageData(0, 0, over.width, over.height)
    .data.reduce((sum, value, i) => (sum * 31 + value * (i % 7)) | 0, 0);
  const times = [];
  let before = look();
  for (let i = 0; i < 30; i++) {
    await new Promise((go) => setTimeout(go, 30));
    const start = performance.now();
    const press = new KeyboardEvent('keydown', { key: keys[i % 2], bubbles: true });
    box.dispatchEvent(press);
    let now = before, drawn = start;
    while (now === before) {
      if (performance.now() - start > 5000) throw new Error(`key ${keys[i % 2]} changed nothing in 5 s`);
      await new Promise(requestAnimationFrame);
      drawn = performance.now();
      now = look();
    }
    times.push(drawn - start);
    before = now;
  }
  return times;
}"""


def report_latency(
    page,
    record_property,
    what: str,
    *,
    where: str = ".lm-map",
    keys: tuple[str, str] = ("ArrowDown", "ArrowUp"),
) -> None:
    """Hand the median of thirty presses to the summary of the run; needs an explorer on the page.

    The two keys are pressed in turn on the first element that the selector `where` finds.
    """
    times = page.evaluate(TIMER, [where, keys])
    assert len(times) == 30
    median, worst = statistics.median(times), max(times)
    record_property("latency", f"{what}: median of 30 presses {median:.0f} ms, worst {worst:.0f} ms")
