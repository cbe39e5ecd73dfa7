// Loaded into a gateway process with `--import`. SIGWINCH, which does nothing by itself, makes it say on stderr how long its main
// thread worked at most between two turns of a 1 ms timer since it was last asked: one line, `loop held <milliseconds>`. It is
// CPU time, in which other processes of a busy machine hardly show.

const now = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

let held = 0;
let last = now();
setInterval(() => {
  const at = now();
  held = Math.max(held, at - last);
  last = at;
}, 1).unref();

process.on('SIGWINCH', () => {
  process.stderr.write(`loop held ${held.toFixed(1)}\n`);
  held = 0;
});
