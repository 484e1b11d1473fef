// The event stream, and polling while it is away.
const QUIET_MS = 25000; // the server says something every 10 s
const POLL_MS = 3000;

// on: {job, stats, state("live"|"polling"|"stale")}; poll(): fetches what the page shows
export function startLive(on, poll) {
  let source = null;
  let heard = Date.now();
  let polling = null;
  let busy = false;

  async function pollOnce() {
    if (busy) return;
    busy = true;
    try {
      await poll();
      if (polling) on.state("polling");
    } catch {
      if (polling) on.state("stale");
    }
    busy = false;
  }

  function hear() {
    heard = Date.now();
    clearInterval(polling);
    polling = null;
    on.state("live");
  }

  function lose() {
    if (polling) return;
    on.state("stale");
    polling = setInterval(pollOnce, POLL_MS);
  }

  function open() {
    source?.close();
    heard = Date.now();
    source = new EventSource("/api/v1/events");
    source.onopen = () => {
      hear();
      poll().catch(() => {}); // what was missed
    };
    source.onerror = lose;
    source.addEventListener("job", (event) => (hear(), on.job(JSON.parse(event.data))));
    source.addEventListener("stats", (event) => (hear(), on.stats(JSON.parse(event.data))));
  }

  open();
  setInterval(() => {
    const quiet = Date.now() - heard > QUIET_MS;
    if (quiet) lose();
    if (quiet || source.readyState === EventSource.CLOSED) open();
  }, 5000);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && open());
}
