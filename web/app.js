// The page: order form, addresses, keys, live updates.
import { $, call, count, randomKey, say } from "./dom.js";
import { readCins } from "./cin.js";
import { clearList, filter, focusRow, loadMore, moveFocus, refreshList, showCounts, STATES, takeJob } from "./list.js";
import { hideJob, refreshJob, showJob, shownJob, touchJob, touchOldJob } from "./order.js";
import { startLive } from "./live.js";

const ORDER_MAX = 10000;
let placedTotal = null;
let refreshTimer = 0;

// ---- addresses: /?status=&q=&job= ----

function address() {
  const query = new URLSearchParams();
  if (filter.status) query.set("status", filter.status);
  if (filter.q.trim()) query.set("q", filter.q.trim());
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

async function route() {
  const query = new URLSearchParams(location.search);
  const job = query.get("job");
  const status = query.get("status") ?? "";
  if (!job) {
    filter.status = STATES.includes(status) ? status : "";
    filter.q = query.get("q") ?? "";
    if (document.activeElement !== $("search")) $("search").value = filter.q;
    showCounts(null, setStatus);
  }
  $("orders-view").hidden = Boolean(job);
  $("job-view").hidden = !job;
  try {
    if (job) {
      await showJob(job);
    } else {
      const left = shownJob();
      hideJob();
      document.title = "filesure";
      await refreshList();
      if (left) focusRow(left);
    }
  } catch (failure) {
    say(failure.message);
  }
}

function go(path, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  return route();
}

function setStatus(status) {
  filter.status = status;
  clearList();
  go(address());
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-job], a[data-home]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.dataset.job ? link.getAttribute("href") : address());
});
addEventListener("popstate", route);

// ---- order form ----

function checkCins() {
  const { valid, faults, doubled } = readCins($("cins").value);
  const tooMany = valid.length > ORDER_MAX;
  const bad = faults.length > 0 || tooMany;
  const check = $("cins-check");
  check.dataset.bad = String(bad);
  $("cins").setAttribute("aria-invalid", String(bad));
  if (tooMany) check.textContent = `${count(valid.length, "company", "companies")}: at most ${ORDER_MAX} in one order.`;
  else if (bad) check.textContent = faults.slice(0, 3).join(" · ") + (faults.length > 3 ? ` · and ${faults.length - 3} more` : "");
  else if (valid.length) check.textContent = `${count(valid.length, "valid CIN")}${doubled ? `, ${count(doubled, "repetition")} left out` : ""}.`;
  else check.textContent = "";
  $("order-button").disabled = bad || valid.length === 0;
  $("order-button").textContent = valid.length > 1 ? `Order ${count(valid.length, "company", "companies")}` : "Order";
  return valid;
}

async function place(request) {
  const controls = document.querySelectorAll("#order-form button");
  controls.forEach((button) => (button.disabled = true));
  const check = $("cins-check");
  try {
    const placed = await request();
    check.dataset.bad = "false";
    check.textContent = `${count(placed.totalJobs, "order")} placed.`;
    await refreshList();
  } catch (failure) {
    check.dataset.bad = "true";
    check.textContent = failure.data?.errors?.map((error) => `${error.pointer}: ${error.detail}`).join(" · ") ?? failure.message;
  }
  controls.forEach((button) => (button.disabled = false));
  const text = check.textContent;
  const bad = check.dataset.bad;
  checkCins();
  check.textContent = text;
  check.dataset.bad = bad;
}

$("cins").addEventListener("input", checkCins);
$("cins").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("order-form").requestSubmit();
});
$("order-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const cins = checkCins();
  if ($("order-button").disabled) return;
  const key = randomKey();
  place(async () => {
    const placed = await call("POST", "/api/v1/jobs", { companies: cins.map((cin) => ({ cin })) }, { "Idempotency-Key": key });
    $("cins").value = "";
    return placed;
  });
});
for (const button of document.querySelectorAll("[data-samples]")) {
  button.addEventListener("click", () => place(() => call("POST", "/create-job", { num_jobs: Number(button.dataset.samples) })));
}

// ---- search, list, keys ----

let typing = 0;
$("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    filter.q = $("search").value;
    clearList();
    go(address(), true);
  }, 200);
});
$("more-button").addEventListener("click", () => loadMore().catch((failure) => say(failure.message)));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("confirm").open) return;
  const typed = event.target.closest("input, textarea, select");
  if (event.key === "Escape") {
    if (typed) typed.blur();
    else if (shownJob()) go(address());
  } else if (typed || shownJob()) {
    return;
  } else if (event.key === "j" || event.key === "k") {
    moveFocus(event.key === "j" ? 1 : -1);
  } else if (event.key === "/") {
    event.preventDefault();
    $("search").focus();
  }
});

// ---- live ----

const STATE_TEXT = { live: "Live", polling: "Polling", stale: "Connection lost: numbers may be old", down: "Job store not reachable" };
let storeUp = true;

function showState(state) {
  const badge = $("connection");
  const text = STATE_TEXT[state === "stale" || storeUp ? state : "down"];
  badge.dataset.state = state !== "stale" && !storeUp ? "stale" : state;
  if (badge.textContent !== text) badge.textContent = text;
}

function takeStats(stats) {
  storeUp = stats.storeUp;
  showCounts(stats.jobs, setStatus);
  const changed = placedTotal !== null && placedTotal !== stats.jobs.total;
  placedTotal = stats.jobs.total;
  if (changed && !shownJob()) { // more were placed than events could tell
    clearTimeout(refreshTimer);
    refreshTimer = setTimeout(() => refreshList().catch(() => {}), 1500);
  }
}

async function poll() {
  takeStats(await call("GET", "/api/v1/stats"));
  await (shownJob() ? refreshJob() : refreshList());
}

const live = {
  job(job) {
    const before = takeJob(job);
    touchJob(job.jobId);
    const finished = job.status === "completed" || job.status === "failed";
    if (before && before.status !== job.status && finished) say(`${job.companyName}: ${job.status}.`);
  },
  stats(stats) {
    takeStats(stats);
    touchOldJob();
    showState("live");
  },
  state: showState,
};

showCounts(null, setStatus);
route();
startLive(live, poll);
call("GET", "/version").then((version) => ($("source").href = version.source)).catch(() => {});
