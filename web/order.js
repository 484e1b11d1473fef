// One order: why it waits, its runs, its documents, what went wrong.
import { $, bytes, call, confirmed, count, el, moment, number, say } from "./dom.js";

const WAITING = {
  queued: ["Waiting for a worker", "Waits for its turn."],
  backoff: ["Trying again soon", "The last run failed; it is tried again after a pause."],
  rate_limited: ["Registry asked to wait", "The registry asked for a pause."],
  no_worker: ["No worker is running", "It is due, but no worker is running."],
  leased: ["Being worked on", "A worker has it."],
  cancelling: ["Being cancelled", "The worker stops at its next step."],
};
const OUTCOMES = {
  pending: "batch done, documents left", completed: "every document is there", failed: "failed, tried again later",
  exhausted: "given up: too many attempts", cancelled: "cancelled", interrupted: "interrupted, handed back", lost: "the worker was lost",
};

// Short for the list ("" when progress says more), long for the order
export function waitingText(job, short) {
  const texts = job.waiting && WAITING[job.waiting.reason];
  if (!texts || (short && (job.waiting.reason === "leased" || job.progress.totalDocuments > 0) && job.waiting.reason !== "backoff")) return "";
  return texts[short ? 0 : 1];
}

let shown = null; // id
let asked = 0;
let timer = 0;
let refreshed = 0;

export const shownJob = () => shown;

function fact(name, ...value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, ...value));
}

function waitingFacts(job) {
  const { waiting } = job;
  if (!waiting) return [];
  const facts = [fact("Why it is not done", waitingText(job, false)), fact("Since", moment(waiting.since))];
  if (waiting.until) facts.push(fact(waiting.reason === "leased" ? "Lease until" : "Until", moment(waiting.until)));
  if (waiting.estimate !== null) facts.push(fact("Next run in about", count(waiting.estimate, "second")));
  return facts;
}

async function act(job, action) {
  const texts = {
    cancel: ["Cancel this order?", `Documents of ${job.companyName} that are stored stay; no more are fetched.`, "Cancel the order"],
    retry: ["Try this order again?", `${job.companyName} is queued again and goes on where it stopped.`, "Try again"],
  };
  if (!(await confirmed(...texts[action]))) return;
  try {
    const now = await call("POST", `/api/v1/jobs/${job.jobId}/${action}`);
    say(`The order is ${now.cancelRequested ? "being cancelled" : now.status}.`);
  } catch (failure) {
    say(failure.message);
    const problem = $("job-problem");
    if (problem) {
      problem.textContent = failure.message;
      problem.hidden = false;
    }
    return;
  }
  await refreshJob();
}

function summary(job) {
  const open = job.status === "pending" || job.status === "processing";
  const done = job.completeness;
  return el(
    "section", { class: "card", "aria-labelledby": "job-title" },
    el("h1", { id: "job-title", tabindex: "-1" }, job.companyName === job.cin ? "Company not named yet" : job.companyName),
    el("p", {}, el("span", { class: "state", "data-state": job.status, id: "job-state" }, job.status), " ", el("span", { class: "cin" }, job.cin)),
    el("progress", { max: 100, value: job.progress.percent, "aria-label": "Progress" }),
    el("p", { class: "small", id: "job-progress" }, job.progress.totalDocuments
      ? `${number(job.progress.downloadedDocuments)} of ${number(job.progress.totalDocuments)} documents` : "The list of documents is not fetched yet"),
    el(
      "dl", { class: "facts" }, ...waitingFacts(job), fact("Ordered", moment(job.createdAt)),
      job.completedAt ? fact("Completed", moment(job.completedAt)) : null, fact("Runs", number(job.runCount)),
      job.lease ? fact("Worker", job.lease.owner) : null,
      job.status === "completed" ? fact("Stored, unreadable, missing", `${done.stored}, ${done.unreadable}, ${done.missing}`) : null,
      job.lastError ? fact("Last error", el("span", { class: "error" }, `${job.lastError.code}: ${job.lastError.message}`), " ", moment(job.lastError.at)) : null,
    ),
    el(
      "div", { class: "actions" },
      open && !job.cancelRequested ? el("button", { type: "button", id: "cancel", onclick: () => act(job, "cancel") }, "Cancel…") : null,
      job.status === "failed" || job.status === "cancelled" ? el("button", { type: "button", id: "retry", onclick: () => act(job, "retry") }, "Try again…") : null,
      el("button", { type: "button", id: "copy", onclick: copyCurl }, "Copy as curl"),
    ),
    el("p", { id: "job-problem", class: "notice", role: "alert", hidden: true }),
  );
}

async function copyCurl() {
  const text = `curl -s '${location.origin}/api/v1/jobs/${shown}'`;
  try {
    await navigator.clipboard.writeText(text);
    $("copy").textContent = "Copied";
    say("Copied.");
  } catch {
    $("copy").textContent = text;
  }
}

function documentRow(row) {
  const name = `document ${row.documentNumber}`;
  const link = (part, text) => (part ? el("a", { href: part.href, target: "_blank", rel: "noopener", "aria-label": `${text} of ${name}` }, text) : null);
  return el(
    "tr", {},
    el("td", { class: "number" }, String(row.documentNumber)),
    el("td", {}, row.documentType, row.reason ? el("div", { class: "small" }, row.reason) : null),
    el("td", {}, row.form ?? "–"),
    el("td", { class: "number" }, row.filedOn ?? "–"),
    el("td", {}, el("span", { class: "state", "data-state": row.state }, row.state)),
    el("td", { class: "number" }, number(row.pages)),
    el("td", { class: "number" }, row.original ? bytes(row.original.bytes) : "–"),
    el("td", {}, el("span", { class: "links" }, link(row.original, "PDF"), link(row.text, "Text"), link(row.fields, "JSON"))),
  );
}

function documents(list, more) {
  const heads = [["No.", "number"], ["Document"], ["Form"], ["Filed on", "number"], ["State"], ["Pages", "number"], ["Size", "number"], ["Open"]];
  return el(
    "section", { "aria-labelledby": "documents-title" },
    el("h2", { id: "documents-title" }, "Documents"),
    list.length === 0 ? el("p", { class: "empty" }, "None stored yet.") : el(
      "div", { class: "scroll", tabindex: "0", role: "group", "aria-labelledby": "documents-title" },
      el("table", { id: "documents" },
        el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el("th", { scope: "col", class: kind }, text)))),
        el("tbody", {}, ...list.map(documentRow))),
    ),
    more ? el("p", { class: "hint" }, "Only the first 500 are shown.") : null,
  );
}

function timeline(job) {
  const line = (run) => el(
    "li", {},
    el("strong", {}, run.run ? `Run ${run.run}: ` : ""), OUTCOMES[run.outcome] ?? run.outcome, " ", moment(run.endedAt),
    el("div", { class: "small" }, run.owner ? `by ${run.owner}` : "by a person",
      run.run ? `, ${count(run.numbers.downloaded, "document")} fetched in ${(run.numbers.runMs / 1000).toFixed(1)} s` : ""),
    run.error ? el("div", { class: "error small" }, `${run.error.code}: ${run.error.message}`) : null,
  );
  return el(
    "section", { "aria-labelledby": "runs-title" }, el("h2", { id: "runs-title" }, "Runs"),
    job.runs.length ? el("ol", { class: "runs", id: "runs" }, ...job.runs.map(line)) : el("p", { class: "empty" }, "None has ended yet."),
  );
}

function errors(job) {
  if (!job.errors.length) return null;
  const line = (group) => el("li", {}, el("span", { class: "error" }, `${group.code} × ${group.count}: `), group.message, " ", moment(group.lastAt));
  return el("section", { "aria-labelledby": "errors-title" }, el("h2", { id: "errors-title" }, "Errors"), el("ul", {}, ...job.errors.map(line)));
}

function raw(job, open) {
  return el("details", { id: "raw", open }, el("summary", {}, "Raw JSON"), el("pre", { tabindex: "0" }, JSON.stringify(job, null, 2)));
}

export async function refreshJob() {
  const id = shown;
  const request = ++asked;
  if (!id) return;
  refreshed = Date.now();
  const view = $("job-view");
  let job, list;
  try {
    job = await call("GET", `/api/v1/jobs/${id}`);
    list = await call("GET", `/api/v1/jobs/${id}/documents?limit=500`);
  } catch (failure) {
    if (failure.status !== 404) throw failure;
    if (request === asked && shown === id) showGone(view);
    return;
  }
  if (request !== asked || shown !== id) return;
  const focus = document.activeElement?.id;
  const open = $("raw")?.open ?? false;
  view.replaceChildren(back(), ...[summary(job), documents(list.documents, list.next), timeline(job), errors(job), raw(job, open)].filter(Boolean));
  if (focus && view.contains($(focus))) $(focus).focus();
  document.title = `${job.companyName} – filesure`;
}

// A wrong address, or an order that was removed, maybe while it was looked at
function showGone(view) {
  if ($("job-gone")) return;
  view.replaceChildren(
    back(), el("h1", { id: "job-title", tabindex: "-1" }, "Order not found"),
    el("p", { id: "job-gone", class: "notice", role: "alert" },
      "There is no such order, or it was removed: finished orders are kept for a limited time if the server is set up so."),
  );
  $("job-title").focus();
  document.title = "Order not found – filesure";
}

function back() {
  return el("p", {}, el("a", { href: "/", "data-home": true, id: "back" }, "← All orders"));
}

export async function showJob(id) {
  shown = id;
  $("job-view").replaceChildren(back(), el("p", { class: "empty" }, "Loading…"));
  await refreshJob();
  $("job-title")?.focus();
}

export function hideJob() {
  shown = null;
  asked++;
  $("job-view").replaceChildren();
}

// An event about the order that is shown: look once, soon
export function touchJob(id) {
  if (id !== shown) return;
  clearTimeout(timer);
  timer = setTimeout(() => refreshJob().catch(() => {}), 300);
}

// Why it waits changes with time alone: look now and then
export function touchOldJob() {
  if (shown && !$("job-gone") && Date.now() - refreshed > 5000) touchJob(shown);
}
