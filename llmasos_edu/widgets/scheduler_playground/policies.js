// The kernel's policies and admissions, rule by rule as in `llmasos_edu/kernel/scheduler.py` and `admission.py`.
// A policy has `key(process, now)`, a list of numbers, the smallest runs first; and `ran(process, now)`.

// Python's floor division of floating numbers: exact where a quotient rounds up to a whole number.
function floorDivide(value, by) {
  const quotient = (value - (value % by)) / by;
  const whole = Math.floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

function firstCome() {
  return { key: ({ arrival }) => [arrival], ran() {} };
}

function shortestFirst() {
  return { key: ({ limit, tokens }) => [limit - tokens], ran() {} };
}

function roundRobin(quantum) {
  let order = 0;
  return {
    key: ({ arrival, account }) => account.back || [arrival, -1],
    ran({ account }, now) {
      let used = (account.used || 0) + 1;
      if (used >= quantum) [account.back, used] = [[now, order++], 0];
      account.used = used;
    },
  };
}

function withAgeing(ageing) {
  let order = 0;
  return {
    key({ arrival, priority, account }, now) {
      const [since, turn] = account.back || [arrival, -1];
      return ageing ? [-(priority + ageing * (now - since)), turn] : [-priority, arrival];
    },
    ran({ account }, now) {
      account.back = [now, order++];
    },
  };
}

function feedbackQueues(quanta, boost) {
  let order = 0;
  return {
    key({ arrival, account }, now) {
      const level = account.epoch === floorDivide(now, boost) ? account.level : 0;
      return [level, ...(account.back || [arrival, -1])];
    },
    ran({ account }, now) {
      const epoch = floorDivide(now, boost);
      if ("epoch" in account && account.epoch !== epoch) {
        Object.assign(account, { level: 0, used: 0, epoch });
        return;
      }
      let [level, used] = [account.level || 0, (account.used || 0) + 1];
      if (used >= quanta[level]) {
        [level, used] = [Math.min(level + 1, quanta.length - 1), 0];
        account.back = [now, order++];
      }
      Object.assign(account, { level, used, epoch });
    },
  };
}

const BOOST = 200; // of the feedback queues, as in Python
const POLICY_MAKERS = {
  fcfs: () => firstCome(),
  sjf: () => shortestFirst(),
  round_robin: ({ quantum }) => roundRobin(quantum),
  priority: ({ ageing }) => withAgeing(ageing),
  mlfq: ({ quantum }) => feedbackQueues([1, 2, 4, 8].map((factor) => factor * quantum), BOOST),
};

// The most blocks that processes hold at one time if each says a token a step.
function futurePeak(processes, blocksFor) {
  const moments = processes.map(({ limit, tokens }) => limit - tokens);
  return Math.max(...moments.map((moment) => processes.filter((_, i) => moments[i] >= moment)
    .reduce((sum, { tokens }) => sum + blocksFor(tokens + moment - 1), 0)));
}

const WATERMARK = 0.1;
const ADMISSIONS = {
  optimistic: () => true,
  watermark(process, admitted, { free, count, blocksFor }) {
    const promised = admitted.reduce((sum, { tokens, held }) => sum + Math.max(0, blocksFor(tokens) - held), 0);
    return !admitted.length || free - promised - (blocksFor(process.tokens) - process.held) >= WATERMARK * count;
  },
  future_peak(process, admitted, { slots, count, blocksFor }) {
    return !admitted.length || (admitted.length < slots && futurePeak([...admitted, process], blocksFor) <= count);
  },
};
