"use strict";
// The live page. Text of a record is only ever set as text; markup comes from the server's own templates.

const body = document.body.dataset;
const SVG = "http://www.w3.org/2000/svg";
const LIST_MS = 3000, PARTS_MS = 2000, AGAIN_MS = 5000, LOG_LINES = 500;
const byId = (id) => document.getElementById(id);

function make(name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  return made;
}

function say(text, lost = false) {
  const place = byId("connection");
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("lost", lost);
}

const REFUSED = {
  403: "Open the address that ftdojo ui printed at its start.",
  409: "The record cannot be read. Load the page again to see why.",
};
const NO_ANSWER = "ftdojo ui does not answer; trying again.";

async function load(address, headers = {}) {
  const answer = await fetch(address, { headers });
  if (!answer.ok && answer.status !== 304) throw new Error(String(answer.status));
  return answer;
}

// Replaces the sections that have changed. What the reader has opened, and where the keyboard is, stays.
function replaceSections(target, source, before) {
  const opened = new Set([...target.querySelectorAll("details[open][id]")].map((one) => one.id));
  const closed = new Set([...target.querySelectorAll("details:not([open])[id]")].map((one) => one.id));
  const active = target.contains(document.activeElement) ? document.activeElement : null;
  const around = active && active.closest("[id]");
  const alike = (place) => [...(place.matches(active.tagName) ? [place] : place.querySelectorAll(active.tagName))];
  const number = around ? alike(around).indexOf(active) : -1;
  const fresh = new DOMParser().parseFromString(source, "text/html").body;
  const kept = new Map([...target.children].filter((one) => one.id).map((one) => [one.id, one]));
  const remove = (until) => {
    while (place && place !== until) { const gone = place; place = place.nextElementSibling; gone.remove(); }
  };
  let place = target.firstElementChild;
  for (const section of [...fresh.children]) {  // always in the same order
    const content = section.outerHTML, old = kept.get(section.id);
    const same = before.get(section.id) === content;
    before.set(section.id, content);
    for (const one of section.querySelectorAll("details[id]")) {
      if (opened.has(one.id)) one.open = true;
      if (closed.has(one.id)) one.open = false;
    }
    if (old) {
      remove(old);
      place = old.nextElementSibling;
      if (!same) old.replaceWith(document.adoptNode(section));
    } else {
      target.insertBefore(document.adoptNode(section), place);
    }
  }
  remove(null);
  if (around && !active.isConnected && byId(around.id)) alike(byId(around.id))[number]?.focus();
}

// ---- actions: the token in a header is what other sites cannot send ----

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-action]");
  if (!button || (button.dataset.ask && !window.confirm(button.dataset.ask))) return;
  button.disabled = true;
  const chosen = button.dataset.chosen;
  const address = button.dataset.action + (chosen ? `?${new URLSearchParams({ [chosen]: byId(chosen).value })}` : "");
  let said;
  try {
    const answer = await fetch(address, { method: "POST", headers: { "X-Ftdojo-Token": body.token } });
    const found = await answer.json();
    said = found.done || `${found.error}. ${found.fix}`;
  } catch {
    said = "ftdojo ui does not answer.";
  }
  button.disabled = false;
  byId("done").textContent = said;
  refresh();
});

// ---- questions: the server cancels one whose page has gone ----

let asking = null;

document.addEventListener("submit", async (event) => {
  if (event.target.id !== "asking") return;
  event.preventDefault();
  if (asking) return;
  asking = new AbortController();
  const show = (text, busy) => { byId("asked").textContent = text; byId("send").disabled = busy; byId("cancel").disabled = !busy; };
  show("The models are loaded and asked. Nothing of it is recorded.", true);
  byId("answers").hidden = true;
  let said;
  try {
    const answer = await fetch(event.target.dataset.address, {
      method: "POST",
      headers: { "X-Ftdojo-Token": body.token, "Content-Type": "application/json" },
      body: JSON.stringify({ question: byId("question").value }),
      signal: asking.signal,
    });
    const found = await answer.json();
    if (found.error) {
      said = `${found.error}. ${found.fix}`;
    } else {
      for (const name of ["base", "best"]) byId(`answer-${name}`).textContent = found[name] || "(empty)";
      byId("answers").hidden = false;
      said = found.cut.length ? "An answer was cut at the limit of tokens." : "";
    }
  } catch (error) {
    said = error.name === "AbortError" ? "Cancelled." : "ftdojo ui does not answer.";
  }
  asking = null;
  show(said, false);
});

document.addEventListener("click", (event) => { if (event.target.id === "cancel" && asking) asking.abort(); });
window.addEventListener("pagehide", () => { if (asking) asking.abort(); });

// ---- plots ----

const W = 480, H = 290, LEFT = 44, RIGHT = 10, TOP = 10, BOTTOM = 34;

function ticks(low, high, count, whole) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  if (whole) step = Math.max(1, Math.round(step));
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high + step * 1e-9; n++) found.push(n * step);
  return found;
}

const short = (value) => String(Number(value.toPrecision(4)));

function drawing(xs, ys, label, caption) {
  const [x0, x1] = xs, [y0, y1] = ys;
  const svg = make("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": caption });
  const x = (value) => LEFT + ((value - x0) / (x1 - x0 || 1)) * (W - LEFT - RIGHT);
  const y = (value) => H - BOTTOM - ((value - y0) / (y1 - y0 || 1)) * (H - TOP - BOTTOM);
  for (const value of ticks(y0, y1, 5)) {
    svg.append(make("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value) }));
    svg.append(make("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const value of ticks(Math.max(0, x0), x1, 8, true)) {
    svg.append(make("text", { x: x(value), y: H - BOTTOM + 16, "text-anchor": "middle" }, short(value)));
  }
  svg.append(make("text", { x: (W + LEFT) / 2, y: H - 4, "text-anchor": "middle" }, label));
  return { svg, x, y };
}

function legend(entries) {
  const list = document.createElement("ul");
  list.className = "legend";
  for (const [name, style] of entries) {
    const item = document.createElement("li");
    const mark = make("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" });
    mark.append(make("line", { class: style, x1: 0, x2: 24, y1: 5, y2: 5 }));
    item.append(mark, name);
    list.append(item);
  }
  return list;
}

const polyline = (points, style) =>
  make("polyline", { class: style, points: points.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ") });

function drawScores(points) {
  if (!points.baseline || points.baseline.includes(null)) return;
  const scored = points.scores.filter((one) => one[2] !== null);
  const values = [...points.baseline, ...points.levels.map((one) => one[1]), ...scored.flatMap((one) => one.slice(2))];
  const known = values.filter((value) => value !== null);
  const low = Math.min(...known), high = Math.max(...known), space = (high - low || 1) * 0.06;
  const first = points.scores.length ? points.scores[0][0] : 1;
  const last = points.scores.length ? points.scores.at(-1)[0] : 1;
  const start = first > 1 ? first - 1 : 0;
  const caption = `Validation ${points.metric}: base model ${short(points.baseline[0])}, best is iteration ${points.best}. The values are in the table of iterations.`;
  const { svg, x, y } = drawing([start - 0.5, last + 0.5], [low - space, high + space], "iteration (0 is the base model)", caption);
  const level = (value, style) => make("line", { class: `level ${style}`, x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value) });
  const names = [["base model", "level sm"]];
  svg.append(level(points.baseline[0], "sm"));
  points.levels.forEach(([name, value], slot) => {
    svg.append(level(value, `s${slot + 1}`));
    names.push([name, `level s${slot + 1}`]);
  });
  let best = points.baseline[0];
  const steps = [[x(start), y(best)]];
  for (const [number, outcome, value] of points.scores) {
    if (outcome !== "accepted" || value === null) continue;
    steps.push([x(number), y(best)], [x(number), y(value)]);
    best = value;
  }
  steps.push([x(last + 0.5), y(best)]);
  if (start === 0) svg.append(polyline(steps, "line sa"));
  const shown = start === 0 ? [[0, "base", ...points.baseline], ...points.scores] : points.scores;
  for (const [number, outcome, value, lowest, highest] of shown) {
    const group = make("g", { class: outcome });
    const style = outcome === "accepted" ? ["sa", "fa"] : ["sm", "fm"];
    if (value === null) {
      group.append(make("text", { x: x(number), y: H - BOTTOM - 4, "text-anchor": "middle" }, "×"));
    } else {
      if (lowest !== null && highest !== null) {
        group.append(make("line", { class: style[0], x1: x(number), x2: x(number), y1: y(lowest), y2: y(highest) }));
      }
      group.append(make("circle", { class: `mark ${style.join(" ")}`, cx: x(number), cy: y(value), r: points.scores.length > 60 ? 2 : 4 }));
    }
    svg.append(group);
  }
  names.push(["best so far", "line sa"]);
  byId("scores").replaceChildren(legend(names), svg);
}

function drawLosses(points, current) {
  const curves = [...points.curves];
  if (current && current.points.length) curves.push({ ...current, held_out: [], live: true });
  if (!curves.length) return;
  const steps = curves.flatMap((one) => [...one.points, ...one.held_out]);
  const right = Math.max(...steps.map((one) => one[0]), 1), top = Math.max(...steps.map((one) => one[1]), 0.1);
  const numbers = curves.map((one) => one.iteration).join(", ");
  const { svg, x, y } = drawing([0, right], [0, top * 1.05], "optimizer step", `Training loss of iterations ${numbers}. The final losses are in the details.`);
  const names = [];
  curves.forEach((curve, slot) => {
    const heavy = curve.iteration === points.best || curve.live ? " heavy" : "";
    const style = `line s${slot % 6}${heavy}`;
    svg.append(polyline(curve.points.map(([step, loss]) => [x(step), y(loss)]), style));
    for (const [step, loss] of curve.held_out) {
      svg.append(make("circle", { class: `s${slot % 6}`, cx: x(step), cy: y(loss), r: 3.5, fill: "none" }));
    }
    names.push([`${curve.iteration}${curve.iteration === points.best ? " (best)" : ""}${curve.live ? " (now)" : ""}`, style]);
  });
  byId("losses").replaceChildren(legend(names), svg);
}

// ---- the list ----

let tag = "";
const seen = new Map();

async function refreshList() {
  const answer = await load(body.rows, tag ? { "If-None-Match": tag } : {});
  if (answer.status === 200) {
    const rows = await answer.text();
    const place = document.activeElement ? document.activeElement.getAttribute("href") : null;
    const left = document.querySelector("#rows .scroll")?.scrollLeft || 0;
    byId("rows").replaceChildren(...new DOMParser().parseFromString(rows, "text/html").body.childNodes);
    const scroll = document.querySelector("#rows .scroll");
    if (scroll) scroll.scrollLeft = left;
    if (place) [...document.querySelectorAll("#rows a")].find((one) => one.getAttribute("href") === place)?.focus();
    tag = answer.headers.get("ETag") || "";
  }
  say("");
}

// ---- a run ----

let points = null, current = null, last = Number(body.seq || 0), source = null, due = null;

async function refreshRun() {
  const [parts, found] = await Promise.all([load(`${body.run}/parts`), load(`${body.run}/points`)]);
  const done = byId("done") ? byId("done").textContent : "";
  replaceSections(byId("parts"), await parts.text(), seen);
  if (done && byId("done")) byId("done").textContent = done;
  points = await found.json();
  current = points.current;
  drawScores(points);
  drawLosses(points, current);
}

// Many events in a short time are one refresh.
function refreshSoon() {
  due ??= setTimeout(() => { due = null; refresh(); }, PARTS_MS);
}

function addLine(line) {
  const item = document.createElement("li");
  const parts = [["time", line.time.replace("T", " ")], ["b", line.kind], ["span", line.text]];
  for (const [name, text] of parts) {
    const part = document.createElement(name);
    part.textContent = text;
    item.append(part, " ");
  }
  const log = byId("log");
  log.prepend(item);
  while (log.children.length > LOG_LINES) log.lastElementChild.remove();
}

function follow() {
  if (source || document.hidden) return;
  source = new EventSource(`${body.run}/events?after=${last}`);
  source.onopen = () => say("Live");
  source.addEventListener("log", (event) => {
    const line = JSON.parse(event.data);
    if (line.seq <= last) return;
    last = line.seq;
    addLine(line);
    refreshSoon();
  });
  source.addEventListener("state", refreshSoon);
  source.addEventListener("curve", (event) => {
    current = JSON.parse(event.data);
    if (points) drawLosses(points, current);
  });
  source.addEventListener("fault", (event) => { leave(); say(JSON.parse(event.data), true); });
  source.addEventListener("end", (event) => {
    leave();
    if (JSON.parse(event.data) === "replaced") window.location.reload();
    else { say("The run is over."); refresh(); }
  });
  source.onerror = () => {
    if (document.hidden) return;
    say(NO_ANSWER, true);
    if (source && source.readyState === EventSource.CLOSED) { leave(); setTimeout(follow, AGAIN_MS); }
  };
}

function leave() {
  if (source) source.close();
  source = null;
}

// ---- start ----

async function refresh() {
  try {
    if (body.rows) await refreshList();
    if (body.run) await refreshRun();
  } catch (error) {
    say(REFUSED[error.message] || NO_ANSWER, true);
  }
}

if (window.location.search.includes("token=")) window.history.replaceState(null, "", "/");
if (body.rows) setInterval(() => { if (!document.hidden) refresh(); }, LIST_MS);
if (body.run) {
  for (const section of byId("parts").children) seen.set(section.id, section.outerHTML);  // what is the same stays
  refresh();
  follow();
  // A page that nobody sees keeps no connection: a browser has few for one server.
  document.addEventListener("visibilitychange", () => { if (document.hidden) leave(); else { follow(); refresh(); } });
}
