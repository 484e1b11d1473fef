// The list of orders: filter and search, rows that stay where they are while their numbers change.
import { $, call, el, moment, number } from "./dom.js";
import { waitingText } from "./order.js";

export const STATES = ["pending", "processing", "completed", "failed", "cancelled"];
const PAGE = 50;
const SHOWN_MAX = 500;

const jobs = new Map(); // id → job
const rows = new Map(); // id → {li, parts}
let order = []; // ids, newest first
let next = null;
let asked = 0; // number of the latest request: an older answer is dropped

export const filter = { status: "", q: "" };

function makeRow(job) {
  const parts = {
    name: el("span", { class: "name" }),
    cin: el("span", { class: "cin" }),
    state: el("span", { class: "state" }),
    bar: el("progress", { max: 100, value: 0 }),
    text: el("span", { class: "small" }),
    when: el("span", { class: "when" }),
  };
  parts.link = el(
    "a", { class: "row", href: `/?job=${job.jobId}`, "data-job": job.jobId },
    el("span", { class: "who" }, parts.name, parts.cin), parts.state, el("span", { class: "progress" }, parts.bar, parts.text), parts.when,
  );
  return { li: el("li", {}, parts.link), parts };
}

export function progressText(job) {
  const { totalDocuments: total, downloadedDocuments: done } = job.progress;
  if (total > 0) return `${number(done)} of ${number(total)} documents`;
  return job.status === "completed" ? "No documents" : "Not started";
}

function fillRow({ parts }, job) {
  parts.name.textContent = job.companyName === job.cin ? "Company not named yet" : job.companyName;
  parts.cin.textContent = job.cin;
  parts.state.textContent = job.status;
  parts.state.dataset.state = job.status;
  parts.bar.value = job.progress.percent;
  parts.bar.setAttribute("aria-label", `Progress of ${job.companyName}`);
  parts.text.textContent = job.status === "failed" && job.lastError ? job.lastError.message : waitingText(job, true) || progressText(job);
  parts.when.replaceChildren(moment(job.createdAt, { class: "small" }));
}

function matches(job) {
  if (filter.status && job.status !== filter.status) return false;
  const q = filter.q.trim();
  return !q || job.cin.startsWith(q.toUpperCase()) || job.companyName.toLowerCase().startsWith(q.toLowerCase());
}

function render() {
  const list = $("list");
  let before = list.firstElementChild;
  for (const id of order) {
    let row = rows.get(id);
    if (!row) rows.set(id, (row = makeRow(jobs.get(id))));
    fillRow(row, jobs.get(id));
    if (row.li === before) before = before.nextElementSibling;
    else list.insertBefore(row.li, before);
  }
  const shown = new Set(order);
  for (const [id, row] of rows) {
    if (shown.has(id)) continue;
    if (row.li.contains(document.activeElement)) (row.li.nextElementSibling ?? row.li.previousElementSibling)?.querySelector("a").focus();
    row.li.remove();
    rows.delete(id);
    jobs.delete(id);
  }
  const any = filter.status || filter.q;
  $("list-empty").hidden = order.length > 0;
  $("list-empty").textContent = any ? "No order matches." : "No orders yet: place one above.";
  $("list-more").hidden = !next || order.length >= SHOWN_MAX;
}

function path(limit, cursor) {
  const query = new URLSearchParams({ limit });
  if (filter.status) query.set("status", filter.status);
  if (filter.q.trim()) query.set("q", filter.q.trim());
  if (cursor) query.set("cursor", cursor);
  return `/api/v1/jobs?${query}`;
}

// As many as are shown, from the newest on
export async function refreshList() {
  const request = ++asked;
  const limit = Math.min(SHOWN_MAX, Math.max(PAGE, Math.ceil(order.length / PAGE) * PAGE));
  const page = await call("GET", path(limit));
  if (request !== asked) return;
  jobs.clear();
  for (const job of page.jobs) jobs.set(job.jobId, job);
  order = page.jobs.map((job) => job.jobId);
  next = page.next;
  render();
}

export async function loadMore() {
  const request = ++asked;
  const page = await call("GET", path(PAGE, next));
  if (request !== asked) return;
  const first = page.jobs[0]?.jobId;
  for (const job of page.jobs) {
    if (!jobs.has(job.jobId)) order.push(job.jobId);
    jobs.set(job.jobId, job);
  }
  next = page.next;
  render();
  if (first) rows.get(first)?.parts.link.focus();
}

export function clearList() {
  order = [];
  next = null;
}

// An event about one job. Returns what the list knew of it before.
export function takeJob(job) {
  const before = jobs.get(job.jobId);
  const wanted = matches(job);
  if (before && wanted) {
    jobs.set(job.jobId, job);
    fillRow(rows.get(job.jobId), job);
  } else if (before) {
    order = order.filter((id) => id !== job.jobId);
    render();
  } else if (wanted) {
    const at = order.findIndex((id) => jobs.get(id).createdAt < job.createdAt);
    if (at >= 0 || !next) {
      jobs.set(job.jobId, job);
      order.splice(at < 0 ? order.length : at, 0, job.jobId);
      order.length = Math.min(order.length, SHOWN_MAX);
      render();
    }
  }
  return before;
}

export function showCounts(counts, onFilter) {
  const box = $("counts");
  if (!box.firstChild) {
    for (const state of ["", ...STATES]) {
      box.append(el("button", { type: "button", "data-status": state, onclick: () => onFilter(state) }, state || "all", " ", el("b", {}, "0")));
    }
  }
  for (const button of box.children) {
    const state = button.dataset.status;
    if (counts) button.querySelector("b").textContent = number(state ? counts[state] : counts.total);
    button.setAttribute("aria-pressed", String(filter.status === state));
  }
}

// j and k: the next or previous row
export function moveFocus(step) {
  const links = [...document.querySelectorAll("#list a.row")];
  const at = links.indexOf(document.activeElement);
  const target = at < 0 ? links[step > 0 ? 0 : links.length - 1] : links[at + step];
  target?.focus();
  target?.scrollIntoView({ block: "nearest" });
}

export function focusRow(id) {
  rows.get(id)?.parts.link.focus();
}
