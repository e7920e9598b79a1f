// The kernel's loop in the browser, without a model: who runs, who is admitted, who is evicted, on counts of blocks.
// The rules are those of `llmasos_edu/kernel/kernel.py` and `batch.py` with the prefix cache off; a test holds the two
// equal. A process: pid, arrival, priority, prompt, limit, tokens (known), length (computed), held and saved (blocks).

function compareKeys(one, other) {
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return one[i] - other[i];
  return 0;
}

class TinyKernel {
  constructor(settings, jobs) {
    const { num_blocks: count, block_size: size, slots, chunk, evict } = settings;
    Object.assign(this, { settings, count, size, slots, chunk, evict, free: count, now: 0, steps: [], events: [], reader: null });
    this.policy = POLICY_MAKERS[settings.policy](settings);
    this.admits = ADMISSIONS[settings.admission];
    [this.coming, this.waiting, this.ready] = [[], [], []];
    this.processes = jobs.map((job, pid) => ({ pid, ...job, limit: job.prompt + job.max_new, tokens: job.prompt, length: 0, held: 0, saved: 0,
      state: "waiting", account: {}, first_token: null, finished: null, computed: 0, evictions: 0, waits: true }));
    this.processes.forEach((process) => this.enter(process));
    this.coming.sort((a, b) => a.arrival - b.arrival || a.pid - b.pid);
  }

  blocksFor(slots) {
    return Math.ceil(slots / this.size);
  }

  enter(process) {
    if (this.blocksFor(process.limit - 1) > this.count) this.end(process, "rejected");
    else if (process.arrival > this.now) this.coming.push(process);
    else this.waiting.push(process);
  }

  // One pass of the loop, or a jump of the clock; false when all have ended.
  step() {
    while (this.coming.length && this.coming[0].arrival <= this.now) this.waiting.push(this.coming.shift());
    this.admit();
    const { rows, copied } = this.compose();
    if (!rows.length) return this.sleep();
    const began = this.now;
    this.now += this.costOf(rows.reduce((sum, row) => sum + row.read, 0), copied);
    const batch = rows.map((row) => ({ pid: row.process.pid, read: row.read, guesses: 0, said: this.commit(row) }));
    this.steps.push({ time: began, end: this.now, batch, copied, free: this.free, events: this.events });
    this.events = [];
    return true;
  }

  costOf(tokens, blocks) {
    return 1 + this.settings.token_cost * tokens + this.settings.copy_cost * blocks;
  }

  rank(process) {
    return [process === this.reader ? 0 : 1, process.waits ? 2 : 0, ...this.policy.key(process, this.now), process.arrival, process.pid];
  }

  ranked(processes) {
    return processes.map((process) => [this.rank(process), process]).sort((a, b) => compareKeys(a[0], b[0])).map(([, process]) => process);
  }

  admit() {
    this.waiting = this.ranked(this.waiting);
    const pool = () => ({ free: this.free, count: this.count, slots: this.slots, blocksFor: (slots) => this.blocksFor(slots) });
    while (this.waiting.length && this.admits(this.waiting[0], this.ready, pool())) {
      const process = this.waiting.shift();
      this.events.push(["admit", process.pid]);
      Object.assign(process, { state: "ready", waits: false });
      this.ready.push(process);
    }
  }

  // The rows of this step from the first in rank; the first that finds no room ends the list.
  compose() {
    this.ready = this.ranked(this.ready);
    const rows = [];
    let copied = 0;
    for (const process of this.ready) {
      if (rows.length === this.slots) break;
      const end = this.chunk ? Math.min(process.tokens, process.length + this.chunk) : process.tokens;
      const [found, moved] = this.makeRoom(process, end);
      copied += moved;
      if (!found) break;
      if (process.saved) { // what was swapped out comes back
        copied += process.saved;
        this.take(process, process.saved);
        process.saved = 0;
      }
      this.take(process, this.blocksFor(end) - process.held);
      rows.push({ process, read: end - process.length, speaks: end === process.tokens });
    }
    return { rows, copied };
  }

  take(process, blocks) {
    process.held += blocks;
    this.free -= blocks;
  }

  // Evict those ranked below, the lowest first; nobody for nothing.
  makeRoom(process, end) {
    const missing = () => this.blocksFor(end) - process.held;
    if (missing() <= this.free) return [true, 0];
    const own = this.rank(process);
    const below = this.ranked(this.ready.filter((each) => each.held && compareKeys(this.rank(each), own) > 0));
    if (missing() > this.free + below.reduce((sum, { held }) => sum + held, 0)) return [false, 0];
    let copied = 0;
    while (missing() > this.free) copied += this.evictOne(below.pop(), process);
    return [true, copied];
  }

  evictOne(victim, requester) {
    const swapped = this.evict === "swap" ? victim.held : 0;
    if (!swapped) victim.length = 0;
    victim.saved = swapped;
    this.take(victim, -victim.held);
    victim.evictions++;
    this.events.push(["evict", victim.pid, requester.pid]);
    return swapped;
  }

  commit({ process, read, speaks }) {
    this.policy.ran(process, this.now);
    process.length += read;
    process.computed += read;
    if (!speaks) {
      this.reader = this.reader || process;
      return 0;
    }
    process.tokens++;
    if (this.reader === process) this.reader = null;
    if (process.first_token === null) process.first_token = this.now;
    if (process.tokens >= process.limit) this.end(process, "done");
    return 1;
  }

  end(process, state) {
    this.ready = this.ready.filter((each) => each !== process);
    this.take(process, -process.held);
    Object.assign(process, { state, finished: this.now });
    this.events.push([state, process.pid]);
  }

  // Nobody can run: to the next arrival.
  sleep() {
    if (this.coming.length) this.now = Math.max(this.now, this.coming[0].arrival);
    else if (this.ready.length || this.waiting.length) throw new Error(`deadlock at ${this.now}`);
    return this.coming.length > 0;
  }
}

// A workload under a policy, as a trace.
function runTinyKernel(settings, jobs) {
  const kernel = new TinyKernel(settings, jobs);
  while (kernel.step());
  const { num_blocks, block_size, slots } = settings;
  const procs = kernel.processes.map(({ pid, arrival, priority, prompt, tokens, state, first_token, finished, computed, evictions }) => (
    { pid, arrival, priority, prompt, said: tokens - prompt, state, first_token, finished, computed, evictions, user: "" }));
  return { meta: { num_blocks, block_size, slots }, steps: kernel.steps, procs };
}

// -- workloads --

// Whole numbers by chance (xorshift; Marsaglia 2003, "Xorshift RNGs"); the same in Python.
function chances(seed) {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return state;
  };
  for (let i = 0; i < 8; i++) next(); // seeds that are near begin alike
  return (below) => Math.floor((next() * below) / 2 ** 32);
}

const MEAN_STEPS = 10.75; // of a job below: a quarter of 16 to 40 tokens, the rest of 2 to 8

// Jobs by chance. A load of 1 brings as much work as the slots can do.
function drawJobs({ seed, count, load, slots }) {
  const below = chances(seed);
  const gap = Math.floor((16 * MEAN_STEPS) / (slots * load) + 0.5); // mean time between arrivals, in sixteenths
  let sixteenths = 0;
  return Array.from({ length: count }, (_, i) => {
    if (i) sixteenths += below(2 * gap + 1);
    const long = below(4) === 0;
    const prompt = 1 + below(12);
    return { arrival: Math.floor(sixteenths / 16), prompt, max_new: long ? 16 + below(25) : 2 + below(7), priority: below(4) };
  });
}
