"""From a key press to changed pixels, measured in the page itself, and reported rather than judged."""

from __future__ import annotations

import statistics

TIMER = """async () => {
  const box = document.querySelector('.lm-map'), over = box.querySelector('.lm-over');
  const look = () => over.getContext('2d').getImageData(0, 0, over.width, over.height)
    .data.reduce((sum, value, i) => (sum * 31 + value * (i % 7)) | 0, 0);
  const times = [];
  let before = look();
  for (let i = 0; i < 30; i++) {
    await new Promise((go) => setTimeout(go, 30));
    const start = performance.now();
    const press = new KeyboardEvent('keydown', { key: i % 2 ? 'ArrowUp' : 'ArrowDown', bubbles: true });
    box.dispatchEvent(press);
    let now = before, drawn = start;
    while (now === before) {
      await new Promise(requestAnimationFrame);
      drawn = performance.now();
      now = look();
    }
    times.push(drawn - start);
    before = now;
  }
  return times;
}"""


def report_latency(page, record_property, what: str) -> None:
    """Hand the median of thirty presses to the summary of the run; needs an explorer on the page."""
    times = page.evaluate(TIMER)
    assert len(times) == 30
    median, worst = statistics.median(times), max(times)
    record_property("latency", f"{what}: median of 30 presses {median:.0f} ms, worst {worst:.0f} ms")
